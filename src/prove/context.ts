import type { Survey } from './survey.ts';
import type { Wire } from './wire/wire.ts';

/** What attacks are built from. */
export interface ProveContext extends Wire {
  readonly survey: Survey;
}
