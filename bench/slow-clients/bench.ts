// Slow clients: does a well-behaved client notice that 2,000 others send their head, or their body, or read their answer, as slowly
// as they dare? slowhttptest attacks from one address; the other client has an address of its own.
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent as PlainAgent, request as requestPlain } from 'node:http';
import { request as requestTls, Agent as TlsAgent } from 'node:https';
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
  type Settings,
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

const attackers = 2000;
/** What tells the modes apart; each client of a mode sends or reads a few bytes every second. */
const modes: Readonly<Record<string, readonly string[]>> = {
  header: ['-H', '-i', '1', '-x', '8'],
  body: ['-B', '-i', '1', '-x', '8', '-s', '8192'],
  read: ['-X', '-w', '512', '-y', '1024', '-n', '1', '-z', '32', '-k', '1'],
};

interface Stage {
  readonly scheme: 'http' | 'https';
  readonly port: number;
  readonly slowhttptest: string;
  readonly cores: Cores;
  /** Process of the gateway. */
  readonly gateway: number;
}

interface Measured {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
  /** Connections that the attack held when the measurement ended. */
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
  const script = (name: string): string[] => [process.execPath, join(import.meta.dirname, name)];
  const running: Started[] = [];
  const begin = async (core: string, port: number, command: readonly string[]): Promise<void> => {
    const started = start(pinnedTo(core, cores, command));
    running.push(started);
    await accepting(port, started);
  };
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
      results[part] = await attack(
        { scheme, port, slowhttptest, cores, gateway: running.at(-1)?.pid ?? 0 },
        settings,
        part,
        targets,
      );
    }
  } finally {
    for (const each of running.reverse()) await each.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  printTargets(targets);
  writeResult('slow-clients', settings, machine, { attackers, results, targets });
};

function writeCertificate(folder: string): string[] {
  const { certificate, key } = createTlsAuthority('bench').issue({ dnsNames: ['localhost'] });
  const files = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
  writeFileSync(files[0] as string, certificate);
  writeFileSync(files[1] as string, key, { mode: 0o600 });
  return files;
}

/** Quiet and each mode in turn, in rounds. */
async function attack(stage: Stage, settings: Settings, part: string, targets: Target[]): Promise<object> {
  const seconds = settings.quick ? 1 : 5;
  await converse(stage, 2);
  const contenders: Contender<Measured>[] = [
    { name: 'quiet', measure: async () => ({ ...(await converse(stage, seconds)), held: 0 }) },
    ...Object.entries(modes).map(([name, words]) => ({
      name,
      measure: () => underAttack(stage, words, seconds, settings.quick),
    })),
  ];
  const measured = await takeTurns(contenders, settings.quick ? 1 : 2, (name, round, { p99Ms, held }) =>
    process.stdout.write(
      `${part} ${name}, round ${round + 1}: p99 ${formatNumber(p99Ms)} ms, ${held} connections held\n`,
    ),
  );
  const quiet = sampleOf((measured.get('quiet') ?? []).map(({ p99Ms }) => p99Ms));
  const rows: string[][] = [];
  for (const [name, values] of measured) {
    const p99 = sampleOf(values.map(({ p99Ms }) => p99Ms));
    const ratio = p99.median / quiet.median;
    const sum = (of: (value: Measured) => number): string => formatNumber(sampleOf(values.map(of)).median);
    rows.push([
      name,
      sum(({ p50Ms }) => p50Ms),
      formatSample(p99),
      formatNumber(ratio),
      sum(({ held }) => held),
      sum(({ failed }) => failed),
      sum(({ busy }) => busy),
    ]);
    if (name !== 'quiet')
      targets.push({ what: `p99 beside slow ${name}, ${part}, to quiet`, wanted: 2, bound: 'at most', found: ratio });
  }
  printTable(
    `A well-behaved client beside ${attackers} slow ones, ${part}`,
    ['', 'p50 ms', 'p99 ms', 'to quiet', 'held', 'failed', 'gateway busy'],
    rows,
  );
  return Object.fromEntries(measured);
}

async function underAttack(stage: Stage, words: readonly string[], seconds: number, quick: boolean): Promise<Measured> {
  const { scheme, port, slowhttptest, cores } = stage;
  const count = quick ? 200 : attackers;
  const attacker = start(
    pinnedTo(cores.load, cores, [
      slowhttptest,
      ...['-c', String(count), '-r', '1000', '-l', String(seconds + mostSettleSeconds + 4), '-v', '1', '-p', '3'],
      ...words,
      ...['-u', `${scheme}://127.0.0.1:${port}/long`],
    ]),
  );
  await settled(port);
  const measured = await converse(stage, seconds);
  const held = connectionsFrom('127.0.0.1', port);
  await attacker.stop();
  await pause(1500);
  return { ...measured, held };
}

const mostSettleSeconds = 14;

/** Waits until the attack has held as many connections for three seconds: it comes no further. */
async function settled(port: number): Promise<void> {
  const end = performance.now() + mostSettleSeconds * 1000;
  const seen = [-1, -2, -3];
  while (new Set(seen).size > 1 && performance.now() < end) {
    await pause(1000);
    const held = connectionsFrom('127.0.0.1', port);
    if (held > 0) seen.push(held);
    seen.splice(0, seen.length - 3);
  }
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

/** A client that asks 200 times a second over 16 connections, one in twenty of them fresh. */
async function converse({ scheme, port, gateway }: Stage, seconds: number): Promise<Omit<Measured, 'held'>> {
  const options = { keepAlive: true, maxSockets: 16, localAddress: '127.0.0.2', rejectUnauthorized: false };
  const agent = scheme === 'http' ? new PlainAgent(options) : new TlsAgent(options);
  const times: number[] = [];
  let failed = 0;
  const ask = async (fresh: boolean): Promise<void> => {
    const begun = performance.now();
    const words = {
      host: '127.0.0.1',
      port,
      path: '/items/7',
      localAddress: '127.0.0.2',
      rejectUnauthorized: false,
      timeout: 10_000,
    };
    const own = fresh ? false : agent;
    const sent =
      scheme === 'http'
        ? requestPlain({ ...words, agent: own as PlainAgent })
        : requestTls({ ...words, agent: own as TlsAgent });
    sent.on('timeout', () => sent.destroy());
    sent.end();
    try {
      const [response] = await once(sent, 'response');
      response.resume();
      await once(response, 'end');
      if (response.statusCode !== 200) failed++;
    } catch {
      failed++;
    }
    times.push(performance.now() - begun);
  };
  const asked: Promise<void>[] = [];
  const cpu = cpuSeconds([gateway]);
  const start = performance.now();
  const end = start + seconds * 1000;
  for (let turn = 0; performance.now() < end; turn++) {
    asked.push(ask(turn % 20 === 0));
    await pause(5);
  }
  await Promise.all(asked);
  agent.destroy();
  const busy = ((cpuSeconds([gateway]) - cpu) * 1000) / (performance.now() - start);
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  return { p50Ms: at(0.5), p99Ms: at(0.99), failed, busy };
}
