import type { Decision } from '../../api/record.ts';
import type { Transcript } from './exchange.ts';

/** One request and its answer, as the report shows them: without anything that opens something. */
export interface Observation {
  readonly sent: string;
  readonly received: string;
  /** HTTP status; 0 where no response came. */
  readonly status: number;
  readonly code?: string;
  readonly decision?: string;
  /** The ledger's record of the decision. */
  readonly record?: Decision;
  /** For judges alone; not part of the report. */
  readonly transcript?: Transcript;
}
