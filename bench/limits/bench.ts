// What does one take of a rate limit cost, with one caller and with a hundred thousand? Ours beside the simplest thing that
// could be wrong: a Map of objects. And how much memory do a million callers need?
import { systemClock } from '../../src/core/clock.ts';
import { compileLimits, createConcurrencyLimiter, createLimiter } from '../../src/limits/index.ts';
import {
  type Contender,
  describeMachine,
  formatNumber,
  formatSample,
  perSecond,
  printTable,
  type Question,
  sampleOf,
  takeTurns,
  writeResult,
} from '../harness.ts';

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

/** As the gateway's filter calls it: key, take, response fields, concurrency. */
function filterOf(): Contender<number>['measure'] {
  const section = { ipv6PrefixBits: 64, gateway: [], routes: { 'routes[0]': [rule] } };
  const limiter = createLimiter({
    maxKeys: 1000,
    specs: [{ id: rule.id, intervalMs: 60_000 / rule.count, burst: rule.count }],
  });
  const limits = compileLimits({ section, limiter, concurrency: createConcurrencyLimiter(), off: new Set() });
  const caller = { remoteAddress: '192.0.2.7', claims: {}, issuer: 'https://op.example', sub: 'alice' };
  return () =>
    perSecond((times) => {
      const now = systemClock.monotonic();
      for (let at = 0; at < times; at++) limits.checkPrincipal(caller, 'routes[0]', 1, now);
    }, forMs);
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
    { name: 'the filter, 1 caller', measure: filterOf() },
  ];
  const results = await takeTurns(contenders, settings.quick ? 1 : 7);
  const samples = [...results].map(([name, values]) => [name, sampleOf(values.map((rate) => 1e9 / rate))] as const);
  const share = (ns: number): string => `${formatNumber((ns / requestNs) * 100)} %`;
  printTable(
    'Nanoseconds a call, one core',
    ['what', 'ns', 'of a request at 30,000/s'],
    samples.map(([name, sample]) => [name, formatSample(sample), share(sample.median)]),
  );
  const million = createLimiter({ maxKeys: 1_000_000 }).stats().bytes;
  process.stdout.write(`\nTable for 1,000,000 callers: ${formatNumber(million / 2 ** 20)} MiB\n`);
  writeResult('limits', settings, machine, {
    nanoseconds: Object.fromEntries(samples),
    bytesForMillionCallers: million,
  });
};
