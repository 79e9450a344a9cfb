import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Clock } from '../core/clock.ts';
import type { Endpoint, LookupAddresses } from './upstream-options.ts';

/** As the machine itself resolves names: its hosts file, then DNS. */
export const systemLookup: LookupAddresses = async (host) =>
  (await lookup(host, { all: true, order: 'verbatim' })).map(({ address }) => address);

// One name must not make of an upstream a list without end.
const mostAddresses = 64;

export interface ResolutionOptions {
  readonly clock: Clock;
  /** Milliseconds from one look to the next. */
  readonly intervalMs: number;
  readonly lookup?: LookupAddresses | undefined;
  /** The endpoints by address, whenever they are others than before. */
  readonly onChange: (endpoints: readonly Endpoint[]) => void;
  /** A name that cannot be resolved: what it led to last stays in use. */
  readonly onFailure: (host: string, error: unknown) => void;
}

/** Endpoints by name, kept resolved. */
export interface Resolution {
  /** Other endpoints from now on. They are looked up at once. */
  set(endpoints: readonly Endpoint[]): void;
  stop(): void;
}

/** Resolves the names among `endpoints` now and each `intervalMs`. A name that was never resolved stands for itself. */
export function startResolution(endpoints: readonly Endpoint[], options: ResolutionOptions): Resolution {
  const { clock, intervalMs, lookup: find = systemLookup, onChange, onFailure } = options;
  const addresses = new Map<string, readonly string[]>();
  let current = endpoints;
  let told = '';
  let isStopped = false;

  const look = async (): Promise<void> => {
    const looked = current;
    const names = new Set(looked.flatMap((endpoint) => nameOf(endpoint) ?? []));
    for (const name of addresses.keys()) if (!names.has(name)) addresses.delete(name);
    await Promise.all([...names].map((name) => resolveInto(addresses, name)));
    if (isStopped || looked !== current) return;
    const found = looked.flatMap((endpoint) => byAddress(endpoint, addresses));
    const text = JSON.stringify(found);
    if (text === told) return;
    told = text;
    onChange(found);
  };
  const resolveInto = async (into: Map<string, readonly string[]>, name: string): Promise<void> => {
    try {
      const found = [...new Set(await find(name))].sort().slice(0, mostAddresses);
      if (found.length > 0) into.set(name, found);
    } catch (error) {
      onFailure(name, error);
    }
  };
  const timer = clock.every(intervalMs, () => void look());
  void look();
  return {
    set: (next) => {
      current = next;
      void look();
    },
    stop: () => {
      isStopped = true;
      timer.cancel();
    },
  };
}

function nameOf(endpoint: Endpoint): string | undefined {
  return 'host' in endpoint && isIP(endpoint.host) === 0 ? endpoint.host : undefined;
}

function byAddress(endpoint: Endpoint, addresses: ReadonlyMap<string, readonly string[]>): readonly Endpoint[] {
  const name = nameOf(endpoint);
  const found = name === undefined ? undefined : addresses.get(name);
  if (found === undefined || !('port' in endpoint)) return [endpoint];
  return found.map((host) => ({ host, port: endpoint.port }));
}
