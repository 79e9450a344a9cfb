import type { ServiceStatus } from '../api/admin.ts';
import type { Weaknesses } from '../api/protections.ts';
import type { Distributor } from '../control/index.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/log.ts';
import type { Manifest } from '../manifest/index.ts';
import type { Foundation } from './control-foundation.ts';
import type { Provider } from './control-provider.ts';
import type { Publisher } from './control-publisher.ts';
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

/** What the listener's two APIs work on. */
export interface ControlParts {
  readonly options: ControlRoleOptions;
  readonly manifest: Manifest;
  readonly foundation: Foundation;
  readonly provider: Provider;
  readonly distributor: Distributor;
  readonly services: ReadonlyMap<string, ServiceStatus>;
  readonly problems: readonly string[];
  readonly publisher: Publisher;
}
