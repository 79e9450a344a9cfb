import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { MerlonError, systemCode } from '../core/errors.ts';
import type { Store } from '../storage/index.ts';

/** Loopback ports by purpose: `service/orders`, `edge/orders/payments`, `inbound`, `control`. */
export type PortOf = (purpose: string) => number;

const key = 'topology/allocation';

/** What is kept: who was given which ports, by the run that asked. */
interface Allocation {
  readonly run: string | undefined;
  readonly ports: readonly (readonly [purpose: string, port: number])[];
}

/**
 * Gives each purpose a free loopback port and keeps the choice, so that a role that comes back finds the others
 * where they were. `fixed` are those that the manifest names. What the same `run` was given before is held by its own
 * roles and services, for control may come back while they go on. `avoid`: whoever was given one of these found it taken by a stranger,
 * between our look and theirs. Throws `control.port-in-use` for a fixed one that is taken.
 */
export async function allocatePorts(
  store: Store,
  purposes: readonly string[],
  fixed: ReadonlyMap<string, number>,
  inUse: (port: number) => boolean,
  run?: string,
  avoid: ReadonlySet<number> = new Set(),
): Promise<PortOf> {
  const entry = await store.get(key);
  const former: Allocation =
    entry === undefined ? { run: undefined, ports: [] } : JSON.parse(Buffer.from(entry.value).toString());
  const kept = new Map(former.ports);
  const ours = new Set(run !== undefined && run === former.run ? kept.values() : []);
  const chosen = new Map<string, number>();
  // Those that the manifest fixes come first: none of the others may have taken theirs.
  const [named, others] = [purposes.filter((each) => fixed.has(each)), purposes.filter((each) => !fixed.has(each))];
  for (const purpose of [...named, ...others]) {
    const wanted = fixed.get(purpose) ?? kept.get(purpose);
    const free =
      wanted !== undefined &&
      !avoid.has(wanted) &&
      ![...chosen.values()].includes(wanted) &&
      (inUse(wanted) || ours.has(wanted) || (await isFree(wanted)));
    if (!free && fixed.has(purpose)) throw portInUse(wanted as number, purpose);
    chosen.set(purpose, free ? wanted : await freePort(new Set([...chosen.values(), ...avoid])));
  }
  const allocation: Allocation = { run, ports: [...chosen] };
  await store.write([{ put: key, value: Buffer.from(JSON.stringify(allocation)) }]);
  return (purpose) => chosen.get(purpose) as number;
}

function portInUse(port: number, purpose: string): MerlonError {
  return new MerlonError({
    code: 'control.port-in-use',
    message: `port ${port} of ${purpose.replace('service/', 'service ')} is already in use`,
    hint: 'stop what listens there, or give another `port` in the manifest',
  });
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) =>
      systemCode(error) === 'EADDRINUSE' || systemCode(error) === 'EACCES' ? resolve(false) : reject(error),
    );
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

// Below the range from which the system takes the ports of outgoing connections (32768 to 60999 on Linux): one of those may
// be gone again before whoever it is meant for listens.
const firstPort = 23_000;
const lastPort = 31_999;
const tries = 500;

async function freePort(taken: ReadonlySet<number>): Promise<number> {
  for (let attempt = 0; attempt < tries; attempt++) {
    const port = randomInt(firstPort, lastPort + 1);
    if (!taken.has(port) && (await isFree(port))) return port;
  }
  throw new MerlonError({
    code: 'control.no-free-port',
    message: `no free port between ${firstPort} and ${lastPort} on the loopback interface`,
    hint: 'stop what holds them',
  });
}
