import { describe, expect, test } from 'vitest';
import type { CanaryVariant } from '../api/snapshot.ts';
import { Headers } from '../net/index.ts';
import type { Exchange, Route } from './exchange.ts';
import { compileSplit } from './split.ts';

const serviceOf = (name: string): Route['service'] => ({
  name,
  spiffeId: '',
  endpoints: [],
  serverName: '',
  sensitive: false,
});
const route = { config: { name: '/api' }, service: serviceOf('stable'), variant: undefined } as unknown as Route;

function split(variants: readonly Partial<CanaryVariant>[], sticky?: 'principal' | 'address') {
  const parts = variants.map((variant) => ({
    variant: { service: 'next', weight: 0, headers: [], ...variant },
    service: serviceOf(variant.service ?? 'next'),
    upstream: {} as Route['upstream'],
  }));
  return compileSplit(route, parts, sticky);
}

function exchange({ user = '', address = '192.0.2.1', fields = {} as Record<string, string> } = {}): Exchange {
  const headers = new Headers();
  for (const [name, value] of Object.entries(fields)) headers.append(name, value);
  const principal = user === '' ? { kind: 'anonymous', id: '' } : { kind: 'user', id: user, issuer: 'https://op' };
  return { request: { headers, client: { address } }, route, caller: { principal } } as unknown as Exchange;
}

function shares(
  choose: ReturnType<typeof split>,
  of: (at: number) => Exchange,
  count = 10_000,
): Record<string, number> {
  const seen: Record<string, number> = {};
  for (let at = 0; at < count; at++) {
    const { name } = choose(of(at)).service;
    seen[name] = (seen[name] ?? 0) + 1;
  }
  return seen;
}

describe('by weight', () => {
  test('each service gets its share, and the route’s own what is left', () => {
    const choose = split([
      { service: 'next', weight: 5 },
      { service: 'other', weight: 25 },
    ]);
    const { next = 0, other = 0, stable = 0 } = shares(choose, () => exchange());
    expect(Math.abs(next - 500)).toBeLessThan(10);
    expect(Math.abs(other - 2500)).toBeLessThan(10);
    expect(Math.abs(stable - 7000)).toBeLessThan(10);
  });

  test('the share holds within any hundred requests', () => {
    const choose = split([{ weight: 10 }]);
    for (let round = 0; round < 50; round++) {
      const { next = 0 } = shares(choose, () => exchange(), 100);
      expect(next).toBeGreaterThanOrEqual(8);
      expect(next).toBeLessThanOrEqual(12);
    }
  });

  test('0 % gets nothing and 100 % everything', () => {
    expect(shares(split([{ weight: 0, headers: [['x', 'y']] }]), () => exchange(), 100)).toEqual({ stable: 100 });
    expect(shares(split([{ weight: 100 }]), () => exchange(), 100)).toEqual({ next: 100 });
  });
});

describe('by header', () => {
  const choose = split([
    {
      headers: [
        ['x-canary', 'yes'],
        ['x-ring', '1'],
      ],
    },
    { service: 'other', weight: 50 },
  ]);

  test('all of them decide, whatever the weights', () => {
    const both = exchange({ fields: { 'x-canary': 'yes', 'x-ring': '1' } });
    expect(shares(choose, () => both, 100)).toEqual({ next: 100 });
    expect(choose(both).variant).toBe('header');
  });

  test('one of them, another value or the field twice does not', () => {
    for (const fields of [{ 'x-canary': 'yes' }, { 'x-canary': 'no', 'x-ring': '1' }] as Record<string, string>[])
      expect(shares(choose, () => exchange({ fields }), 100).next).toBeUndefined();
  });
});

describe('sticky', () => {
  const users = (at: number): Exchange => exchange({ user: `user-${at}`, address: `192.0.2.${at % 250}` });

  test('a caller stays where it is, from whatever address, in every worker', () => {
    const [one, two] = [split([{ weight: 30 }], 'principal'), split([{ weight: 30 }], 'principal')];
    for (let at = 0; at < 500; at++) {
      const { name } = one(users(at)).service;
      expect(two(exchange({ user: `user-${at}`, address: '198.51.100.7' })).service.name).toBe(name);
    }
    const { next = 0 } = shares(one, users);
    expect(Math.abs(next - 3000)).toBeLessThan(200);
  });

  test('a weight that grows brings callers over and sends none back', () => {
    const [small, large] = [split([{ weight: 10 }], 'principal'), split([{ weight: 40 }], 'principal')];
    for (let at = 0; at < 1000; at++)
      if (small(users(at)).service.name === 'next') expect(large(users(at)).service.name).toBe('next');
  });

  test('who has not said who they are is known by address', () => {
    const choose = split([{ weight: 50 }], 'principal');
    const seen = new Set(Array.from({ length: 50 }, () => choose(exchange({ address: '192.0.2.9' })).service.name));
    expect(seen.size).toBe(1);
    const byAddress = split([{ weight: 50 }], 'address');
    const { next = 0 } = shares(byAddress, (at) =>
      exchange({ user: 'alice', address: `192.0.${at >> 8}.${at & 255}` }),
    );
    expect(Math.abs(next - 5000)).toBeLessThan(250);
  });
});

test('says how the service was chosen', () => {
  const choose = split([{ weight: 50 }]);
  const variants = new Set(Array.from({ length: 10 }, () => choose(exchange()).variant));
  expect(variants).toEqual(new Set(['weight', 'rest']));
});
