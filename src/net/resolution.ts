import { lookup, Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Clock, Timer } from '../core/clock.ts';
import type { Endpoint, LookupAddresses, LookupLifetime } from './upstream-options.ts';

/** As the machine itself resolves names: its hosts file, then DNS. */
export const systemLookup: LookupAddresses = async (host) =>
  (await lookup(host, { all: true, order: 'verbatim' })).map(({ address }) => address);

/**
 * How long DNS vouches for the addresses of a name: the shortest TTL among those of `addresses`. Undefined for a name that the machine
 * has from elsewhere. `servers`: default those of the machine.
 */
export function dnsLifetime(servers?: readonly string[]): LookupLifetime {
  const resolver = new Resolver({ timeout: 1000, tries: 2 });
  if (servers !== undefined) resolver.setServers(servers);
  return async (host, addresses) => {
    const answers = await Promise.allSettled([
      resolver.resolve4(host, { ttl: true }),
      resolver.resolve6(host, { ttl: true }),
    ]);
    const records = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    const seconds = records.filter(({ address }) => addresses.includes(address)).map(({ ttl }) => ttl);
    return seconds.length === 0 ? undefined : Math.min(...seconds) * 1000;
  };
}

/** A TTL of nothing does not make us ask without end. */
const shortestMs = 1000;

// One name must not make of an upstream a list without end.
const mostAddresses = 64;

export interface ResolutionOptions {
  readonly clock: Clock;
  /** Milliseconds from one look to the next, at most. */
  readonly intervalMs: number;
  readonly lookup?: LookupAddresses | undefined;
  /** Where a name's addresses are good for less than the interval, they are looked up that much sooner. */
  readonly lifetime?: LookupLifetime | undefined;
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

/** Resolves the names among `endpoints` now, each `intervalMs`, and when their addresses have outlived their time. A name that was never resolved stands for itself. */
export function startResolution(endpoints: readonly Endpoint[], options: ResolutionOptions): Resolution {
  const { clock, intervalMs, lookup: find = systemLookup, lifetime, onChange, onFailure } = options;
  const addresses = new Map<string, readonly string[]>();
  let current = endpoints;
  let told = '';
  let isStopped = false;
  let sooner: Timer | undefined;

  const look = async (): Promise<void> => {
    const looked = current;
    const names = new Set(looked.flatMap((endpoint) => nameOf(endpoint) ?? []));
    for (const name of addresses.keys()) if (!names.has(name)) addresses.delete(name);
    await Promise.all([...names].map((name) => resolveInto(addresses, name)));
    if (isStopped || looked !== current) return;
    const found = looked.flatMap((endpoint) => byAddress(endpoint, addresses));
    const text = JSON.stringify(found);
    if (text !== told) {
      told = text;
      onChange(found);
    }
    await lookSooner(looked);
  };
  const lookSooner = async (looked: readonly Endpoint[]): Promise<void> => {
    const lives = await Promise.all([...addresses].map(([name, found]) => lifetime?.(name, found)));
    const shortest = Math.max(shortestMs, Math.min(...lives.map((life) => life ?? intervalMs)));
    if (isStopped || looked !== current || shortest >= intervalMs) return;
    sooner?.cancel();
    sooner = clock.after(shortest, () => void look());
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
      sooner?.cancel();
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
