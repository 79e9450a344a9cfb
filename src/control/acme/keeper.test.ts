import { beforeEach, describe, expect, test } from 'vitest';
import { createFakeAuthority, directoryUrl, type FakeAuthority } from '../../../test/fakes/acme-authority.ts';
import { ManualClock } from '../../../test/fakes/clock.ts';
import { MemoryStore } from '../../../test/fakes/store.ts';
import type { AcmeChallenge } from '../../api/edge-tls.ts';
import { silentLogger } from '../../core/log.ts';
import type { AcmeConfig } from './config.ts';
import { type AcmeKeeper, createAcmeKeeper } from './keeper.ts';

const minute = 60_000;
const day = 86_400_000;
const life = 90 * day;

let clock: ManualClock;
let authority: FakeAuthority;
let store: MemoryStore;
let running: AcmeKeeper | undefined;
const config: AcmeConfig = {
  directory: directoryUrl,
  domains: ['shop.example'],
  contact: [],
  challenge: 'http-01',
  externalAccount: undefined,
  ca: undefined,
};

beforeEach(() => {
  clock = new ManualClock();
  authority = createFakeAuthority(clock, life);
  store = new MemoryStore();
});

async function start(random = 0.5) {
  const events: string[] = [];
  const presented: (readonly AcmeChallenge[])[] = [];
  const keeper: AcmeKeeper = await createAcmeKeeper({
    store,
    clock,
    log: silentLogger,
    emit: ({ action, outcome, detail }) => void events.push(`${action} ${outcome} ${detail?.code ?? ''}`.trim()),
    fetchWith: () => authority.fetch,
    present: async (challenges) => void presented.push(challenges),
    onChange: () => undefined,
    random: () => random,
  });
  keeper.configure(config);
  running = keeper;
  return { keeper, events, presented };
}

async function pass(ms: number, step = Math.min(ms, minute)): Promise<void> {
  for (let passed = 0; passed < ms; passed += step) {
    clock.advance(step);
    // Signing takes real time, which a manual clock does not see.
    await running?.idle();
  }
}

async function obtained({ keeper }: { keeper: AcmeKeeper }): Promise<void> {
  await keeper.idle();
  expect(keeper.current()).toBeDefined();
}

describe('renewal', () => {
  test('comes at about 60 % of life, once, and names what it replaces', async () => {
    const parts = await start();
    await obtained(parts);
    const first = parts.keeper.current();
    await pass(0.57 * life, day);
    expect(parts.keeper.current()).toBe(first);
    await pass(0.05 * life, day / 4);
    expect(parts.keeper.current()?.notAfterMs).toBeGreaterThan(first?.notAfterMs ?? 0);
    expect(authority.issued).toBe(2);
    await parts.keeper.stop();
  });

  test('comes within the window that the authority suggests', async () => {
    const parts = await start();
    await obtained(parts);
    const began = clock.now();
    authority.window = {
      start: new Date(began + 10 * day).toISOString(),
      end: new Date(began + 12 * day).toISOString(),
    };
    await pass(10 * day, day / 4);
    expect(authority.issued).toBe(1);
    // It goes on suggesting what is past: even so no more than one a day.
    await pass(2 * day, day / 4);
    expect([authority.issued, typeof authority.replaces]).toEqual([2, 'string']);
    await parts.keeper.stop();
  });

  test('is not put off past what is safe, whatever the authority suggests', async () => {
    authority.window = {
      start: new Date(clock.now() + 10 * life).toISOString(),
      end: new Date(clock.now() + 11 * life).toISOString(),
    };
    const parts = await start();
    await obtained(parts);
    await pass(0.74 * life, day);
    expect(authority.issued).toBe(2);
    await parts.keeper.stop();
  });

  test('that fails leaves the former certificate in use, alerts past 75 % of life, and goes through when it can', async () => {
    const parts = await start();
    await obtained(parts);
    const first = parts.keeper.current();
    authority.answers.set('/new-order', { status: 500, body: { type: 'urn:ietf:params:acme:error:serverInternal' } });
    await pass(0.9 * life, day);
    expect(parts.keeper.current()).toBe(first);
    expect(parts.events.filter((event) => event === 'acme.stalled failure')).toHaveLength(1);
    authority.answers.clear();
    await pass(7 * 3_600_000, 3_600_000);
    expect(parts.keeper.current()?.notAfterMs).toBeGreaterThan(first?.notAfterMs ?? 0);
    await parts.keeper.stop();
  });
});

describe('a failure', () => {
  test('is tried again ever more slowly', async () => {
    authority.answers.set('/new-order', { status: 500, body: {} });
    const parts = await start();
    await pass(10 * minute, 5000);
    const early = parts.events.length;
    expect(early).toBeGreaterThanOrEqual(4);
    await pass(day, 15 * minute);
    // At most one each 4.5 h by then.
    expect(parts.events.length - early).toBeLessThan(14);
    await parts.keeper.stop();
  });

  test('waits as long as the authority asks, and an hour where it is asked too often', async () => {
    const body = { type: 'urn:ietf:params:acme:error:rateLimited', detail: 'too many' };
    authority.answers.set('/new-order', { status: 429, body, headers: { 'retry-after': '7200' } });
    const parts = await start();
    const failures = (): number => parts.events.filter((event) => event.includes('failure')).length;
    await pass(minute);
    await pass(118 * minute, 2 * minute);
    expect(failures()).toBe(1);
    await pass(4 * minute);
    expect(failures()).toBe(2);
    await parts.keeper.stop();
  });

  test.each(['other-key', 'other-name', 'expired'] as const)(
    'a certificate with a fault (%s) is not taken',
    async (fault) => {
      authority.fault = fault;
      const parts = await start();
      await pass(10_000, 500);
      expect(parts.keeper.current()).toBeUndefined();
      expect(parts.events.at(-1)).toBe('acme.certificate failure acme.bad-certificate');
      expect(parts.presented.at(-1)).toEqual([]);
      authority.fault = 'none';
      await pass(3 * minute, 500);
      expect(parts.keeper.current()).toBeDefined();
      await parts.keeper.stop();
    },
  );

  test('an account that the authority has forgotten is registered anew', async () => {
    const parts = await start();
    await obtained(parts);
    const body = { type: 'urn:ietf:params:acme:error:accountDoesNotExist' };
    authority.answers.set('/new-order', { status: 400, body });
    parts.keeper.configure({ ...config, domains: ['shop.example', 'www.shop.example'] });
    await pass(10_000, 500);
    authority.answers.clear();
    await pass(3 * minute, 1000);
    expect(authority.asked.filter((path) => path === '/account')).toHaveLength(2);
    expect(parts.keeper.current()?.domains).toHaveLength(2);
    await parts.keeper.stop();
  });
});

test('keys and certificate lie in the store alone, and what is kept serves at once', async () => {
  const parts = await start();
  await obtained(parts);
  await parts.keeper.stop();
  const again = await start();
  expect(again.keeper.current()?.certificatePem).toBe(parts.keeper.current()?.certificatePem);
  expect(again.keeper.certificateFor({ ...config, domains: ['other.example'] })).toBeUndefined();
  await again.keeper.stop();
});
