import type { ServiceStatus } from '../api/admin.ts';
import type { Distributor } from '../control/index.ts';
import type { Manifest } from '../manifest/index.ts';
import type { EndpointBook } from './control-endpoints.ts';
import type { Foundation } from './control-foundation.ts';
import type { ControlRoleOptions } from './control-options.ts';
import type { Provider } from './control-provider.ts';
import type { Publisher } from './control-publisher.ts';

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
  readonly endpoints: EndpointBook;
}
