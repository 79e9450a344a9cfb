// What does one take of a rate limit cost, with one caller and with a hundred thousand, beside the simplest thing that could
// be wrong, a Map of objects? What do the gateway's two filters of limits cost a request? How much memory do a million
// callers need? And of a million requests at four worker processes, how many are admitted?

import { noWeaknesses } from '../../src/api/protections.ts';
import { systemClock } from '../../src/core/clock.ts';
import { createLeaseBroker } from '../../src/limits/control.ts';
import {
  compileLimits,
  createConcurrencyLimiter,
  createLeasedLimiter,
  createLimiter,
  type LimitCheck,
  type LimitedCaller,
  mergeLimitFields,
  tokenRulesOf,
} from '../../src/limits/index.ts';
import {
  type Contender,
  describeMachine,
  formatNumber,
  formatSample,
  perSecond,
  printTable,
  printTargets,
  type Question,
  sampleOf,
  type Target,
  takeTurns,
  writeResult,
} from '../harness.ts';
import { alice, usual } from './rules.ts';
import { measureWorkers, type WorkersResult } from './workers.ts';

const rule = {
  kind: 'rate',
  id: 'routes[0].perUser',
  name: 'perUser',
  by: 'user',
  origin: 'routes[0].limits.perUser',
  text: '1000000000/min',
  count: 1e9,
  periodMs: 60_000,
} as const;

/** What of a request at the plain proxy's rate is spent on limits. */
const requestNs = 1e9 / 30_000;

function takeOf(keys: number): Contender<number>['measure'] {
  const names = Array.from({ length: keys }, (_, at) => `https://op.example|user-${at}`);
  const limiter = createLimiter({
    maxKeys: Math.max(1000, keys * 2),
    specs: [{ id: rule.id, intervalMs: 1, burst: 1e9 }],
  });
  let turn = 0;
  let now = systemClock.monotonic();
  return () =>
    perSecond((times) => {
      for (let at = 0; at < times; at++) limiter.take(rule.id, names[turn++ % keys] as string, 1, (now += 0.001));
    }, forMs);
}

function mapOf(keys: number): Contender<number>['measure'] {
  const names = Array.from({ length: keys }, (_, at) => `https://op.example|user-${at}`);
  const counts = new Map<string, { time: number }>();
  let turn = 0;
  let now = systemClock.monotonic();
  return () =>
    perSecond((times) => {
      for (let at = 0; at < times; at++) {
        const name = names[turn++ % keys] as string;
        let found = counts.get(name);
        if (found === undefined) counts.set(name, (found = { time: 0 }));
        found.time = Math.max(found.time, (now += 0.001)) + 1;
      }
    }, forMs);
}

/**
 * As the gateway's two filters call it, on the limiter that its workers run: keys, two limits, the response fields. The
 * broker answers within the call, so its part is in the figure as well.
 */
function filterOf(callers: number): Contender<number>['measure'] {
  const clock = systemClock;
  const rules = tokenRulesOf(usual);
  const broker = createLeaseBroker({ clock, rules });
  const limiter = createLeasedLimiter({ clock, workers: 4, rules, send: (message) => broker.receive('w', message) });
  broker.join('w', (message) => limiter.receive(message));
  const off = noWeaknesses;
  const limits = compileLimits({ section: usual, limiter, concurrency: createConcurrencyLimiter(), off });
  const all = Array.from({ length: callers }, (_, at) => ({
    ...alice,
    sub: `user-${at}`,
    remoteAddress: `192.0.${at >> 8}.${at & 255}`,
  }));
  let turn = 0;
  return async () => {
    // Every caller has a slice: what is measured is the request in the middle of one.
    for (const caller of all) {
      await limits.checkIp(caller.remoteAddress, clock.monotonic());
      await limits.checkPrincipal(caller, 'routes[0]', 1, clock.monotonic());
    }
    return perSecond((times) => {
      const now = clock.monotonic();
      for (let at = 0; at < times; at++) {
        const caller = all[turn++ % callers] as LimitedCaller;
        const byIp = limits.checkIp(caller.remoteAddress, now) as LimitCheck;
        const byUser = limits.checkPrincipal(caller, 'routes[0]', 1, now) as LimitCheck;
        mergeLimitFields(byIp.fields, byUser.fields);
      }
    }, forMs);
  };
}

/** Bytes of this process before and after a limiter for a million callers has seen a million and a half. */
function memoryOf(callers: number): { table: number; process: number; takesPerSecond: number } {
  const before = process.memoryUsage().rss;
  const limiter = createLimiter({ maxKeys: callers, specs: [{ id: rule.id, intervalMs: 1000, burst: 60 }] });
  const start = systemClock.monotonic();
  const takes = callers * 1.5;
  for (let at = 0; at < takes; at++) limiter.take(rule.id, `https://op.example|user-${at}`, 1, start + at / 1000);
  const seconds = (systemClock.monotonic() - start) / 1000;
  const after = process.memoryUsage().rss;
  return { table: limiter.stats().bytes, process: after - before, takesPerSecond: takes / seconds };
}

let forMs = 1000;

export const question: Question = async (settings) => {
  const machine = describeMachine();
  if (settings.quick) forMs = 50;
  const contenders = [
    { name: 'take, 1 caller', measure: takeOf(1) },
    { name: 'take, 100,000 callers', measure: takeOf(100_000) },
    { name: 'a Map of objects, 1 caller', measure: mapOf(1) },
    { name: 'a Map of objects, 100,000 callers', measure: mapOf(100_000) },
    { name: 'the filters, 1 caller', measure: filterOf(1) },
    { name: 'the filters, 5,000 callers', measure: filterOf(5000) },
  ];
  const results = await takeTurns(contenders, settings.quick ? 1 : 7);
  const samples = [...results].map(([name, values]) => [name, sampleOf(values.map((rate) => 1e9 / rate))] as const);
  const share = (ns: number): string => `${formatNumber((ns / requestNs) * 100)} %`;
  printTable(
    'Nanoseconds a call, one core',
    ['what', 'ns', 'of a request at 30,000/s'],
    samples.map(([name, sample]) => [name, formatSample(sample), share(sample.median)]),
  );
  const memory = memoryOf(settings.quick ? 50_000 : 1_000_000);
  const mib = (bytes: number): string => `${formatNumber(bytes / 2 ** 20)} MiB`;
  process.stdout.write(
    `\nTable for 1,000,000 callers: ${mib(memory.table)}; the process grew by ${mib(memory.process)}\n`,
  );
  const requests = settings.quick ? 20_000 : 1_000_000;
  const workers: WorkersResult[] = [];
  for (const kind of ['rate', 'quota'] as const) workers.push(await measureWorkers(kind, requests));
  printTable(
    'Four worker processes, one broker, one key',
    ['limit', 'requests', 'allowed', 'admitted', 'messages', 'seconds'],
    workers.map((each) => [
      each.kind,
      ...[each.requests, each.allowed, each.admitted, each.messages, each.seconds].map((value) => formatNumber(value)),
    ]),
  );
  const medianOf = (name: string): number => samples.find(([each]) => each === name)?.[1].median ?? Number.NaN;
  printTargets([
    ...['the filters, 1 caller', 'the filters, 5,000 callers'].map((name): Target => {
      return {
        what: `${name}: share of a request`,
        wanted: 1000,
        bound: 'at most',
        found: medianOf(name),
        unit: ' ns',
      };
    }),
    ...workers.map(({ kind, allowed, admitted }): Target => {
      return {
        what: `4 workers, one ${kind}: admitted beside what is allowed`,
        wanted: 1,
        bound: 'at most',
        found: Math.abs(admitted - Math.floor(allowed)),
      };
    }),
  ]);
  writeResult('limits', settings, machine, { nanoseconds: Object.fromEntries(samples), memory, workers });
};
