import type { EntitySource } from './entities.ts';
import type { CedarRecord, EntityUid } from './values.ts';

/** What one evaluation reads. */
export interface CedarRequest {
  readonly principal: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
  readonly context: CedarRecord;
  readonly entities: EntitySource;
}
