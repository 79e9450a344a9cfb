// Slow clients: does a well-behaved client notice that 2,000 others send their head, or their body, or read their answer, as slowly
// as they dare? slowhttptest attacks from one address; the other client (client.ts) has an address of its own.
//
// An attack has two halves. While its connections come, up to a thousand a second, any server is busy letting them in (under TLS a handshake is
// most of a millisecond of its core), and in `read` each of them asks for 64 KiB at once: that is a flood, shown as `arriving` and not held to
// the target. Then all of them are there and slow, until the time bounds of the gateway end them: that is what is asked. The end belongs to it.
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTlsAuthority } from '../../test/fakes/certificates.ts';
import {
  type Contender,
  describeMachine,
  formatNumber,
  formatSample,
  printTable,
  printTargets,
  type Question,
  sampleOf,
  type Target,
  takeTurns,
  wants,
  writeResult,
} from '../harness.ts';
import {
  accepting,
  type Cores,
  cpuSeconds,
  findProgram,
  freePort,
  pause,
  pinnedTo,
  planCores,
  type Started,
  start,
} from '../processes.ts';

/** What the client writes. */
export interface ClientLog {
  readonly sentAtMs: number[];
  readonly tookMs: number[];
  failed: number;
}

/** What tells the modes apart; each client of a mode sends or reads a few bytes every second. */
const modes: Readonly<Record<string, readonly string[]>> = {
  header: ['-H', '-i', '1', '-x', '8'],
  body: ['-B', '-i', '1', '-x', '8', '-s', '8192'],
  read: ['-X', '-w', '512', '-y', '1024', '-n', '1', '-z', '32', '-k', '1'],
};

/** How much is done, and how long; in seconds. */
interface Effort {
  readonly attackers: number;
  readonly rounds: number;
  readonly warm: number;
  readonly quiet: number;
  /** For so long, at most, the attack's connections come. */
  readonly arriving: number;
  /** They are there, and are ended: a head has ten seconds. */
  readonly held: number;
}

const whole: Effort = { attackers: 2000, rounds: 3, warm: 4, quiet: 9, arriving: 20, held: 9 };
const tiny: Effort = { attackers: 200, rounds: 1, warm: 1, quiet: 1, arriving: 2, held: 1 };

interface Stage {
  readonly scheme: 'http' | 'https';
  readonly port: number;
  readonly slowhttptest: string;
  readonly cores: Cores;
  /** Process of the gateway. */
  readonly gateway: number;
  /** For temporary files. */
  readonly folder: string;
  readonly effort: Effort;
}

/** What the client saw in a stretch of time. */
interface Seen {
  readonly requests: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly worstMs: number;
}

interface Measured extends Seen {
  readonly failed: number;
  /** While the attack's connections came. */
  readonly arriving: Seen | undefined;
  /** Connections that the attack held when all had come. */
  readonly held: number;
  /** Share of its core that the gateway used. */
  readonly busy: number;
}

export const question: Question = async (settings) => {
  const slowhttptest = findProgram('slowhttptest');
  if (slowhttptest === undefined) throw new Error('`slowhttptest` is needed: apt install slowhttptest');
  const machine = describeMachine();
  const folder = mkdtempSync(join(tmpdir(), 'merlon-bench-'));
  const cores = planCores();
  const [service, plain, tls] = [await freePort(), await freePort(), await freePort()];
  const files = writeCertificate(folder);
  const running: Started[] = [];
  const begin = async (core: string, port: number, command: readonly string[]): Promise<void> => {
    const started = start(pinnedTo(core, cores, command));
    running.push(started);
    await accepting(port, started);
  };
  const effort = settings.quick ? tiny : whole;
  const results: Record<string, unknown> = {};
  const targets: Target[] = [];
  try {
    await begin(cores.upstream, service, [...script('service.ts'), String(service)]);
    await begin(cores.peer, plain, [...script('gateway.ts'), String(service), `${plain},${tls}`, ...files]);
    for (const [part, scheme, port] of [
      ['plain', 'http', plain],
      ['tls', 'https', tls],
    ] as const) {
      if (!wants(settings, part)) continue;
      const gateway = running.at(-1)?.pid ?? 0;
      results[part] = await attack({ scheme, port, slowhttptest, cores, gateway, folder, effort }, part, targets);
    }
  } finally {
    for (const each of running.reverse()) await each.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  printTargets(targets);
  writeResult('slow-clients', settings, machine, { effort, results, targets });
};

const script = (name: string): string[] => [process.execPath, join(import.meta.dirname, name)];

function writeCertificate(folder: string): string[] {
  const { certificate, key } = createTlsAuthority('bench').issue({ dnsNames: ['localhost'] });
  const files = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
  writeFileSync(files[0] as string, certificate);
  writeFileSync(files[1] as string, key, { mode: 0o600 });
  return files;
}

/** Quiet and each mode in turn, in rounds. */
async function attack(stage: Stage, part: string, targets: Target[]): Promise<object> {
  const { warm, quiet, rounds } = stage.effort;
  // Code is compiled, connections to the service are made.
  await converse(stage, () => pause(warm * 1000));
  const contenders: Contender<Measured>[] = [
    { name: 'quiet', measure: () => undisturbed(stage, quiet) },
    ...Object.entries(modes).map(([name, words]) => ({ name, measure: () => underAttack(stage, words) })),
  ];
  const measured = await takeTurns(contenders, rounds, (name, round, { p99Ms, held }) =>
    process.stdout.write(
      `${part} ${name}, round ${round + 1}: p99 ${formatNumber(p99Ms)} ms, ${held} connections held\n`,
    ),
  );
  tell(stage, part, measured, targets);
  return Object.fromEntries(measured);
}

function tell(stage: Stage, part: string, measured: ReadonlyMap<string, readonly Measured[]>, targets: Target[]): void {
  const p99Of = (name: string) => sampleOf((measured.get(name) ?? []).map(({ p99Ms }) => p99Ms));
  const quiet = p99Of('quiet').median;
  const rows: string[][] = [];
  for (const [name, values] of measured) {
    const p99 = p99Of(name);
    const found = p99.median / quiet;
    const middle = (of: (value: Measured) => number): string => formatNumber(sampleOf(values.map(of)).median);
    rows.push([
      name,
      middle(({ p50Ms }) => p50Ms),
      formatSample(p99),
      formatNumber(found),
      middle(({ worstMs }) => worstMs),
      middle(({ arriving }) => arriving?.p99Ms ?? Number.NaN),
      middle(({ held }) => held),
      middle(({ failed }) => failed),
      middle(({ busy }) => busy),
    ]);
    if (name !== 'quiet')
      targets.push({ what: `p99 beside slow ${name}, ${part}, to quiet`, wanted: 2, bound: 'at most', found });
  }
  printTable(
    `A well-behaved client beside ${stage.effort.attackers} slow ones, ${part}`,
    ['', 'p50 ms', 'p99 ms', 'to quiet', 'worst ms', 'p99 while arriving', 'held', 'failed', 'gateway busy'],
    rows,
  );
}

async function undisturbed(stage: Stage, seconds: number): Promise<Measured> {
  const { log, busy } = await converse(stage, () => pause(seconds * 1000));
  return { ...seen(log, 0), failed: log.failed, arriving: undefined, held: 0, busy };
}

async function underAttack(stage: Stage, words: readonly string[]): Promise<Measured> {
  const { scheme, port, slowhttptest, cores, effort } = stage;
  const { attackers, arriving, held } = effort;
  const command = [
    // Attacker, service and client share a core, and it is the gateway that is asked about: the attacker runs when the others do not.
    ...['nice', '-n', '19', slowhttptest, '-c', String(attackers), '-r', '1000', '-l', String(arriving + held + 10)],
    ...['-v', '1', '-p', '3', ...words, '-u', `${scheme}://127.0.0.1:${port}/long`],
  ];
  let allCameAtMs = 0;
  let here = 0;
  const { log, busy } = await converse(stage, async () => {
    const attacker = start(pinnedTo(cores.load, cores, command));
    here = await arrived(port, effort);
    // What they asked for at last is on its way.
    await pause(500);
    allCameAtMs = performance.timeOrigin + performance.now();
    await pause(held * 1000);
    await attacker.stop();
  });
  await pause(1500);
  return {
    ...seen(log, allCameAtMs),
    failed: log.failed,
    arriving: seen(log, 0, allCameAtMs),
    held: here,
    busy,
  };
}

/** Waits until the attack's connections are there, or for three seconds no more of them came. Gives how many. */
async function arrived(port: number, { attackers, arriving }: Effort): Promise<number> {
  const end = performance.now() + arriving * 1000;
  let most = 0;
  let grewAt = performance.now();
  while (most < attackers && performance.now() < end && performance.now() < grewAt + 3000) {
    await pause(100);
    const here = connectionsFrom('127.0.0.1', port);
    if (here > most) grewAt = performance.now();
    most = Math.max(most, here);
  }
  return most;
}

/** What the client saw while `meanwhile` ran, and the share of its core that the gateway used. */
async function converse(stage: Stage, meanwhile: () => Promise<void>): Promise<{ log: ClientLog; busy: number }> {
  const { scheme, port, gateway, cores, folder } = stage;
  const file = join(folder, 'client.json');
  const client = start(pinnedTo(cores.load, cores, [...script('client.ts'), scheme, String(port), file]));
  // It starts.
  await pause(500);
  const cpu = cpuSeconds([gateway]);
  const begun = performance.now();
  await meanwhile();
  const busy = ((cpuSeconds([gateway]) - cpu) * 1000) / (performance.now() - begun);
  client.child.kill('SIGTERM');
  await once(client.child, 'exit');
  return { log: JSON.parse(readFileSync(file, 'utf8')) as ClientLog, busy };
}

/** What the client saw of what it sent from `fromMs` on, and before `toMs`. */
function seen({ sentAtMs, tookMs }: ClientLog, fromMs: number, toMs = Number.POSITIVE_INFINITY): Seen {
  const times = tookMs.filter((_, at) => {
    const sent = sentAtMs[at] as number;
    return sent >= fromMs && sent < toMs;
  });
  const sorted = times.sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  return { requests: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), worstMs: sorted.at(-1) ?? Number.NaN };
}

/** How many connections from `address` stand at `port`, by the kernel's table. */
function connectionsFrom(address: string, port: number): number {
  const hex = (value: number, digits: number): string => value.toString(16).toUpperCase().padStart(digits, '0');
  const far = address
    .split('.')
    .map(Number)
    .toReversed()
    .map((byte) => hex(byte, 2))
    .join('');
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n');
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, near, remote, state]) =>
        near?.endsWith(`:${hex(port, 4)}`) && remote?.startsWith(`${far}:`) && state === '01',
    ).length;
}
