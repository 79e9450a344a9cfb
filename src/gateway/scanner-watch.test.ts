import { describe, expect, it } from 'vitest';
import type { ScannerRules } from '../api/edge.ts';
import { createNetworkCompiler } from './networks.ts';
import { createScannerMemory, type ScannerMemory, type ScannerWatch } from './scanner-watch.ts';

const rules: ScannerRules = {
  mode: 'throttle',
  count: 30,
  periodMs: 60_000,
  rate: '30/min',
  failures: 20,
  share: 0.5,
  halfLifeMs: 60_000,
  honeypots: ['/wp-login.php'],
  friendly: { networks: ['66.249.64.0/19'], files: [] },
};
const visit = (address = '192.0.2.1', more = {}) => ({ address, path: '/', userAgent: 'Mozilla/5.0', ...more });

function watchOf(memory: ScannerMemory = createScannerMemory(), more: Partial<ScannerRules> = {}): ScannerWatch {
  const all = { ...rules, ...more };
  return memory.watch(all, createNetworkCompiler()(all.friendly), 1);
}

function fail(watch: ScannerWatch, times: number, nowMs: number, address = '192.0.2.1', status = 404): void {
  for (let at = 0; at < times; at++) watch.observe(address, status, false, nowMs);
}

describe('a scanner', () => {
  it.each([400, 401, 403, 404, 405])('is found out by a series of %d', (status) => {
    const watch = watchOf();
    fail(watch, 19, 0, undefined, status);
    expect(watch.check(visit(), 0)).toBeUndefined();
    fail(watch, 1, 0, undefined, status);
    expect(watch.check(visit(), 0)).toMatchObject({ because: '20 of 20 requests failed', retryAfterSeconds: 0 });
  });

  it('keeps a few requests and then its rate, and no more', () => {
    const watch = watchOf();
    fail(watch, 40, 0);
    const admitted = (nowMs: number, times: number): number =>
      Array.from({ length: times }, () => watch.check(visit(), nowMs)).filter((each) => each?.retryAfterSeconds === 0)
        .length;
    expect(admitted(0, 100)).toBe(5);
    expect(admitted(2000, 100)).toBe(1);
    expect(watch.check(visit(), 2000)?.retryAfterSeconds).toBe(2);
    expect(admitted(12_000, 100)).toBe(5);
  });

  it('is sooner found out where it lacks the fields that everybody sends', () => {
    const watch = watchOf();
    for (let at = 0; at < 10; at++) watch.observe('192.0.2.1', 404, true, 0);
    expect(watch.check(visit(), 0)).toBeDefined();
  });

  it.each([
    ['a tool', { userAgent: 'sqlmap/1.9#stable (https://sqlmap.org)' }, 'the user agent of sqlmap'],
    ['a honeypot', { path: '/wp-login.php' }, 'it asked for the honeypot /wp-login.php'],
    ['what lies below a honeypot', { path: '/wp-login.php/x' }, 'it asked for the honeypot /wp-login.php'],
  ])('gives itself away by %s at once', (_, more, because) => {
    const watch = watchOf();
    expect(watch.check(visit('192.0.2.1', more), 0)?.because).toBe(because);
    expect(watch.check(visit(), 0)?.because).toBe(because);
    expect(watch.check(visit('192.0.2.2'), 0)).toBeUndefined();
  });

  it('of IPv6 is its whole network', () => {
    const watch = watchOf();
    for (let at = 1; at <= 20; at++) watch.observe(`2001:db8::${at.toString(16)}`, 404, false, 0);
    expect(watch.check(visit('2001:db8::ffff'), 0)).toBeDefined();
    expect(watch.check(visit('2001:db8:0:1::1'), 0)).toBeUndefined();
  });
});

describe('a caller like any other', () => {
  it('fails now and then among much that succeeds', () => {
    const watch = watchOf();
    for (let at = 0; at < 1000; at++) watch.observe('192.0.2.1', at % 4 === 0 ? 404 : 200, false, 0);
    expect(watch.check(visit(), 0)).toBeUndefined();
  });

  it('is told to wait by limits, which is nothing held against it', () => {
    const watch = watchOf();
    fail(watch, 500, 0, undefined, 429);
    expect(watch.check(visit(), 0)).toBeUndefined();
  });

  it('of a friendly network may ask for anything', () => {
    const watch = watchOf();
    fail(watch, 500, 0, '66.249.64.9');
    expect(watch.check(visit('66.249.64.9', { path: '/wp-login.php' }), 0)).toBeUndefined();
  });

  it('is one again when its time is over, or when it behaves', () => {
    const watch = watchOf();
    fail(watch, 25, 0);
    expect(watch.check(visit(), 59_000)).toBeDefined();
    expect(watch.check(visit(), 90_000)).toBeUndefined();
    fail(watch, 25, 100_000);
    for (let at = 0; at < 100; at++) watch.observe('192.0.2.1', 200, false, 100_000);
    expect(watch.check(visit(), 100_000)).toBeUndefined();
  });

  it('is not kept out for ever by asking on while it is throttled', () => {
    const watch = watchOf();
    fail(watch, 25, 0);
    for (let at = 0; at < 300; at++) {
      const refused = (watch.check(visit(), at * 1000)?.retryAfterSeconds ?? 0) > 0;
      watch.observe('192.0.2.1', refused ? 429 : 200, false, at * 1000);
    }
    expect(watch.check(visit(), 300_000)).toBeUndefined();
  });
});

it('remembers so many addresses and no more, those that have done most', () => {
  const memory = createScannerMemory(100);
  const watch = watchOf(memory);
  fail(watch, 50, 0, '192.0.2.1');
  for (let at = 0; at < 10_000; at++) watch.observe(`10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`, 404, false, 0);
  expect(memory.size).toBe(100);
  expect(watch.check(visit('192.0.2.1'), 0)).toBeDefined();
});

it('goes on from one snapshot to the next', () => {
  const memory = createScannerMemory();
  fail(watchOf(memory), 25, 0);
  expect(watchOf(memory, { count: 10 }).check(visit(), 0)).toBeDefined();
});

describe('several workers', () => {
  const pair = (): [ScannerMemory, ScannerMemory] => [createScannerMemory(), createScannerMemory()];

  it('count together what each has seen', () => {
    const [one, other] = pair();
    const [here, there] = [watchOf(one), watchOf(other)];
    fail(here, 12, 0);
    fail(there, 8, 0);
    expect([here.check(visit(), 0), there.check(visit(), 0)]).toEqual([undefined, undefined]);
    const [fromHere, fromThere] = [one.takeNews(), other.takeNews()];
    expect(fromHere).toEqual([{ address: '192.0.2.1', failed: 12, total: 12 }]);
    one.hear(fromThere, 0);
    other.hear(fromHere, 0);
    for (const watch of [here, there]) expect(watch.check(visit(), 0)?.because).toBe('20 of 20 requests failed');
    // What was heard is not told again.
    expect([one.takeNews(), other.takeNews()]).toEqual([[], []]);
  });

  it('know one that gave itself away to any of them', () => {
    const [one, other] = pair();
    const [here, there] = [watchOf(one), watchOf(other)];
    expect(here.check(visit('192.0.2.9', { path: '/wp-login.php' }), 0)).toBeDefined();
    expect(there.check(visit('192.0.2.9'), 0)).toBeUndefined();
    other.hear(one.takeNews(), 0);
    expect(there.check(visit('192.0.2.9'), 0)?.because).toBe('it asked for the honeypot /wp-login.php');
  });

  it('hold against nobody what succeeded elsewhere, and forget what they heard with time', () => {
    const [one, other] = pair();
    const [here, there] = [watchOf(one), watchOf(other)];
    fail(here, 1, 0);
    for (let n = 0; n < 60; n++) here.observe('192.0.2.1', 200, false, 0);
    fail(there, 19, 0);
    other.hear(one.takeNews(), 0);
    expect(there.check(visit(), 0)).toBeUndefined();
    const [, later] = pair();
    const watch = watchOf(later);
    fail(watch, 1, 0);
    later.hear([{ address: '192.0.2.1', failed: 19, total: 19 }], 600_000);
    expect(watch.check(visit(), 600_000)).toBeUndefined();
    later.hear([{ address: '192.0.2.1', failed: 2, total: 2 }], 600_000);
    expect(watch.check(visit(), 600_000)).toBeDefined();
  });

  it('tell a bounded number, the worst first', () => {
    const memory = createScannerMemory();
    const watch = watchOf(memory);
    for (let n = 0; n < 6000; n++) fail(watch, n === 77 ? 5 : 1, 0, `10.0.${n >> 8}.${n & 255}`);
    const told = memory.takeNews();
    expect(told.length).toBe(500);
    expect(told[0]).toEqual({ address: '10.0.0.77', failed: 5, total: 5 });
    expect(memory.takeNews()).toEqual([]);
  });
});
