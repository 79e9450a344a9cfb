// How soon is `merlon up` ready on the shop example, and how much memory do its roles hold? Ready: it says so, and a
// client gets an answer over HTTPS; the later of the two counts. The kernel's file cache is warm throughout.
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createWorkspace, type UpProcess, type Workspace } from '../../test/e2e/platform.ts';
import {
  describeMachine,
  formatNumber,
  formatSample,
  printTable,
  printTargets,
  type Question,
  type Sample,
  sampleOf,
  type Target,
  writeResult,
} from '../harness.ts';
import { commandOf, type Memory, memoryOf, pause, treeOf } from '../processes.ts';

const starts = ['cold code cache, fresh state', 'warm code cache, fresh state', 'warm code cache, kept state'] as const;
type Start = (typeof starts)[number];
const moments = ['idle', 'after requests'] as const;
type Moment = (typeof moments)[number];
const roles = ['supervisor', 'control', 'gateway', 'agent'] as const;
type Role = (typeof roles)[number];

interface Timed {
  readonly readyLineMs: number;
  readonly answerMs: number;
}

interface Effort {
  readonly rounds: number;
  readonly idleMs: number;
  readonly requests: number;
}

/** The example's own limits would refuse most of the requests that are sent here. */
const withoutLimits = (manifest: string): string => manifest.replace(/(perIp: )\d+(\/min)/g, '$1100000000$2');

/** One answer, whatever its status below 500; undefined where there is none yet. */
function ask(port: number, agent: Agent | false): Promise<number | undefined> {
  return new Promise((done) => {
    const sent = request(
      { host: '127.0.0.1', port, servername: 'localhost', path: '/', rejectUnauthorized: false, agent },
      (response) => {
        response
          .resume()
          .once('end', () => done(response.statusCode))
          .once('error', () => done(undefined));
      },
    );
    sent.once('error', () => done(undefined)).end();
  });
}

async function timeStart(workspace: Workspace): Promise<{ up: UpProcess; timed: Timed }> {
  const start = performance.now();
  const up = workspace.up();
  let readyLineMs = Number.NaN;
  const said = new Promise<void>((resolve, reject) => {
    up.child.stdout?.on('data', () => {
      if (!Number.isNaN(readyLineMs) || !up.output().includes('is up')) return;
      readyLineMs = performance.now() - start;
      resolve();
    });
    void up.exit.then((code) => reject(new Error(`it ended with code ${code}:\n${up.output()}`)));
  });
  let answerMs = Number.NaN;
  const answered = async (): Promise<void> => {
    while (up.child.exitCode === null) {
      if ((await ask(workspace.port, false)) === 200) {
        answerMs = performance.now() - start;
        return;
      }
      await pause(10);
    }
  };
  await Promise.all([said, answered()]);
  return { up, timed: { readyLineMs, answerMs } };
}

async function stop({ child, exit }: UpProcess): Promise<void> {
  child.kill('SIGTERM');
  await exit;
}

/** The processes of our own roles; workers of the gateway are all listed. */
function processesOf(supervisor: number): Map<Role, number[]> {
  const found = new Map<Role, number[]>([['supervisor', [supervisor]]]);
  for (const pid of treeOf(supervisor).slice(1)) {
    const words = commandOf(pid);
    const role = words[words.findIndex((word) => word.endsWith('/bin/merlon.mjs')) + 1] as Role;
    if (words.some((word) => word.endsWith('/bin/merlon.mjs')) && roles.includes(role))
      found.set(role, [...(found.get(role) ?? []), pid]);
  }
  return found;
}

function memoryByRole(supervisor: number): Map<Role, Memory> {
  // Of the workers, the first stands for one.
  return new Map([...processesOf(supervisor)].map(([role, pids]) => [role, memoryOf(pids.slice(0, 1))]));
}

async function sendRequests(port: number, count: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  let left = count;
  const lane = async (): Promise<void> => {
    while (left-- > 0) if ((await ask(port, agent)) !== 200) throw new Error('the storefront did not answer 200');
  };
  await Promise.all(Array.from({ length: 16 }, lane));
  agent.destroy();
}

interface Round {
  readonly times: Map<Start, Timed>;
  readonly memory: Map<Moment, Map<Role, Memory>>;
}

/** The three starts, one after the other, and the memory of the second. */
async function measureRound({ idleMs, requests }: Effort): Promise<Round> {
  const cache = mkdtempSync(join(tmpdir(), 'merlon-bench-cache-'));
  const settings = { edit: withoutLimits, env: { XDG_CACHE_HOME: cache } };
  const times = new Map<Start, Timed>();
  const memory = new Map<Moment, Map<Role, Memory>>();
  const first = await createWorkspace(settings);
  const second = await createWorkspace(settings);
  try {
    const cold = await timeStart(first);
    times.set(starts[0], cold.timed);
    await stop(cold.up);
    const warm = await timeStart(second);
    times.set(starts[1], warm.timed);
    const pid = warm.up.child.pid as number;
    await pause(idleMs);
    memory.set('idle', memoryByRole(pid));
    await sendRequests(second.port, requests);
    memory.set('after requests', memoryByRole(pid));
    await stop(warm.up);
    const again = await timeStart(second);
    times.set(starts[2], again.timed);
    await stop(again.up);
  } finally {
    for (const { remove } of [first, second]) remove();
    rmSync(cache, { recursive: true, force: true });
  }
  return { times, memory };
}

const readyMs = ({ readyLineMs, answerMs }: Timed): number => Math.max(readyLineMs, answerMs);

function timesOf(rounds: readonly Round[]): Record<Start, Record<'line' | 'answer' | 'ready', Sample>> {
  const one = (start: Start): Record<'line' | 'answer' | 'ready', Sample> => {
    const timed = rounds.map(({ times }) => times.get(start) as Timed);
    return {
      line: sampleOf(timed.map(({ readyLineMs }) => readyLineMs)),
      answer: sampleOf(timed.map(({ answerMs }) => answerMs)),
      ready: sampleOf(timed.map(readyMs)),
    };
  };
  return Object.fromEntries(starts.map((start) => [start, one(start)])) as ReturnType<typeof timesOf>;
}

type MemoryTable = Record<Moment, Record<Role | 'control + gateway + agent', { rss: Sample; pss: Sample }>>;

function memoryTable(rounds: readonly Round[]): MemoryTable {
  const of = (moment: Moment, wanted: readonly Role[]): { rss: Sample; pss: Sample } => {
    const sums = rounds.map(({ memory }) =>
      wanted.reduce(
        (sum, role) => {
          const { rss, pss } = memory.get(moment)?.get(role) ?? { rss: Number.NaN, pss: Number.NaN };
          return { rss: sum.rss + rss, pss: sum.pss + pss };
        },
        { rss: 0, pss: 0 },
      ),
    );
    return { rss: sampleOf(sums.map(({ rss }) => rss)), pss: sampleOf(sums.map(({ pss }) => pss)) };
  };
  const row = (moment: Moment): MemoryTable[Moment] =>
    Object.fromEntries([
      ...roles.map((role) => [role, of(moment, [role])]),
      ['control + gateway + agent', of(moment, ['control', 'gateway', 'agent'])],
    ]) as MemoryTable[Moment];
  return { idle: row('idle'), 'after requests': row('after requests') };
}

function targetsOf(times: ReturnType<typeof timesOf>, memory: MemoryTable): Target[] {
  const together = 'control + gateway + agent';
  return [
    ...starts.map((start) => ({
      what: `ready: ${start}`,
      wanted: 3000,
      bound: 'at most' as const,
      found: times[start].ready.median,
      unit: ' ms',
    })),
    ...moments.flatMap((moment) =>
      (['rss', 'pss'] as const).map((kind) => ({
        what: `${together}, ${kind.toUpperCase()}, ${moment}`,
        wanted: 300,
        bound: 'at most' as const,
        found: memory[moment][together][kind].median,
        unit: ' MB',
      })),
    ),
  ];
}

export const question: Question = async (settings) => {
  const machine = describeMachine();
  const effort: Effort = settings.quick
    ? { rounds: 1, idleMs: 1000, requests: 50 }
    : { rounds: 5, idleMs: 10_000, requests: 2000 };
  const rounds: Round[] = [];
  for (let round = 0; round < effort.rounds; round++) {
    const measured = await measureRound(effort);
    rounds.push(measured);
    const ready = starts.map((start) => formatNumber(readyMs(measured.times.get(start) as Timed)));
    process.stdout.write(`round ${round + 1} of ${effort.rounds}: ready after ${ready.join(', ')} ms\n`);
  }
  const times = timesOf(rounds);
  const memory = memoryTable(rounds);
  printTable(
    'From exec, in milliseconds',
    ['start', 'first answer', 'says it is up', 'ready'],
    starts.map((start) => [
      start,
      ...(['answer', 'line', 'ready'] as const).map((kind) => formatSample(times[start][kind])),
    ]),
  );
  for (const moment of moments)
    printTable(
      `Resident memory in MB, ${moment === 'idle' ? `${effort.idleMs / 1000} s after the start` : `after ${effort.requests} requests more`}`,
      ['role', 'RSS', 'PSS'],
      Object.entries(memory[moment]).map(([role, { rss, pss }]) => [role, formatSample(rss), formatSample(pss)]),
    );
  const targets = targetsOf(times, memory);
  printTargets(targets);
  writeResult('footprint', settings, machine, { effort, readyMs: times, memoryMB: memory, targets });
};
