import type { Weaknesses } from '../api/protections.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/log.ts';
import type { StateLayout } from './state.ts';

export interface ControlRoleOptions {
  readonly manifestPath: string;
  readonly layout: StateLayout;
  readonly clock: Clock;
  readonly log: Logger;
  readonly weaknesses: Weaknesses;
  /** Names the run of the supervisor that started it; undefined where it runs alone. */
  readonly run?: string | undefined;
}
