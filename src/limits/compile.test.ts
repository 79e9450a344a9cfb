import { describe, expect, it } from 'vitest';
import { type LimitRule, limitsSectionSchema } from '../api/limits.ts';
import { noWeaknesses } from '../api/protections.ts';
import { addressKey } from './address.ts';
import { type CompileLimitsOptions, compileLimits, type LimitCheck, tokenRulesOf } from './compile.ts';
import { concurrencyShare, createConcurrencyLimiter } from './concurrency.ts';
import { mergeLimitFields } from './fields.ts';
import type { AskingLimiter } from './limit-state.ts';
import { rateSpecOf } from './limit-state.ts';
import { createLimiter } from './limiter.ts';

const rule = (id: string, by: LimitRule['by'], count: number): LimitRule => ({
  kind: 'rate',
  id,
  name: id,
  by,
  origin: `routes[2].limits.${id}`,
  text: `${count}/min`,
  count,
  periodMs: 60_000,
});

const section = limitsSectionSchema.parse({
  gateway: [rule('perIp', 'ip', 3)],
  routes: {
    orders: [rule('perUser', 'user', 2), rule('perRoute', 'route', 5)],
    claims: [rule('perTenant', { claim: 'tenant' }, 1)],
    export: [{ ...rule('running', 'user', 2), kind: 'concurrency', text: '2', periodMs: undefined }].map(
      ({ periodMs: _, ...rest }) => rest as LimitRule,
    ),
  },
});

function setUp(options: Partial<CompileLimitsOptions> = {}) {
  const specs = tokenRulesOf(section).map((token) => rateSpecOf(token as Parameters<typeof rateSpecOf>[0]));
  const limiter = createLimiter({ maxKeys: 1000, specs });
  const concurrency = createConcurrencyLimiter();
  return {
    limiter,
    concurrency,
    limits: compileLimits({ section, limiter, concurrency, off: noWeaknesses, ...options }),
  };
}

const alice = { remoteAddress: '192.0.2.1', issuer: 'https://id.example', sub: 'alice' };
const now = (check: LimitCheck | Promise<LimitCheck>): LimitCheck => {
  if (check instanceof Promise) throw new Error('expected an answer at once');
  return check;
};

describe('compileLimits', () => {
  it('refuses the request after the last that an address has, with the fields that say so', () => {
    const { limits } = setUp();
    const checks = Array.from({ length: 4 }, () => now(limits.checkIp('192.0.2.1', 0)));
    expect(checks.map(({ denial }) => denial?.status)).toEqual([undefined, undefined, undefined, 429]);
    expect(checks[0]?.fields).toEqual({ 'ratelimit-policy': '"perIp";q=3;w=60', ratelimit: '"perIp";r=2;t=20' });
    expect(checks[3]?.denial).toEqual({
      status: 429,
      reason: {
        filter: 'limits',
        code: 'limits.exceeded',
        message: 'the limit of 3/min per address is used up',
        rule: 'routes[2].limits.perIp 3/min',
        expected: 'at most 3/min',
        fixes: ['wait 20 s', 'raise `routes[2].limits.perIp` in the manifest'],
      },
      members: { 'violated-policies': ['perIp'] },
      headers: { 'ratelimit-policy': '"perIp";q=3;w=60', ratelimit: '"perIp";r=0;t=60', 'retry-after': '20' },
    });
  });

  it('lets everything through when the protection is off', () => {
    const { limits } = setUp({ off: new Set(['limits']) });
    for (let n = 0; n < 10; n++) expect(now(limits.checkIp('192.0.2.1', 0)).denial).toBeUndefined();
    for (let n = 0; n < 10; n++) expect(now(limits.checkPrincipal(alice, 'orders', 1, 0)).denial).toBeUndefined();
    for (let n = 0; n < 10; n++) expect(limits.enter(alice, 'export')).toBeUndefined();
  });

  it('is not evaded by changing the address within an IPv6 network, or by mapping', () => {
    const { limits } = setUp();
    for (let n = 0; n < 3; n++) now(limits.checkIp(`2001:db8:1:2::${n}`, 0));
    expect(now(limits.checkIp('2001:db8:1:2:ffff::1', 0)).denial).toBeDefined();
    expect(now(limits.checkIp('2001:db8:1:3::1', 0)).denial).toBeUndefined();
    for (let n = 0; n < 3; n++) now(limits.checkIp('192.0.2.9', 0));
    expect(now(limits.checkIp('::ffff:192.0.2.9', 0)).denial).toBeDefined();
  });

  it('counts by user, whatever the address, and gives back what an earlier rule took', () => {
    const { limits, limiter } = setUp();
    for (let n = 0; n < 2; n++) now(limits.checkPrincipal({ ...alice, remoteAddress: `192.0.2.${n}` }, 'orders', 1, 0));
    expect(now(limits.checkPrincipal(alice, 'orders', 1, 0)).denial?.reason.rule).toBe(
      'routes[2].limits.perUser 2/min',
    );
    expect(now(limits.checkPrincipal({ ...alice, sub: 'bob' }, 'orders', 1, 0)).denial).toBeUndefined();
    expect(now(limits.checkPrincipal({ ...alice, sub: 'carol' }, 'orders', 2, 0)).fields?.ratelimit).toBe(
      '"perUser";r=0;t=60, "perRoute";r=0;t=60',
    );
    const dan = now(limits.checkPrincipal({ ...alice, sub: 'dan' }, 'orders', 2, 0));
    expect(dan.denial?.reason.rule).toBe('routes[2].limits.perRoute 5/min');
    expect(limiter.take('perUser', '=https://id.example dan', 2, 0).allowed).toBe(true);
  });

  it('counts callers without the named thing by address: leaving out a credential evades nothing', () => {
    const { limits } = setUp();
    const anonymous = { remoteAddress: '192.0.2.7' };
    for (let n = 0; n < 2; n++) now(limits.checkPrincipal(anonymous, 'orders', 1, 0));
    expect(now(limits.checkPrincipal(anonymous, 'orders', 1, 0)).denial).toBeDefined();
    expect(
      now(limits.checkPrincipal({ remoteAddress: '198.51.100.1', sub: '192.0.2.7' }, 'orders', 1, 0)).denial,
    ).toBeUndefined();
  });

  it('counts by claim, own properties only', () => {
    const { limits } = setUp();
    const of = (tenant: unknown) => now(limits.checkPrincipal({ ...alice, claims: { tenant } }, 'claims', 1, 0)).denial;
    expect(of('acme')).toBeUndefined();
    expect(of('acme')?.reason.message).toBe('the limit of 1/min for each `tenant` is used up');
    expect(of('x'.repeat(5000))).toBeUndefined();
    expect(of({ id: 1 })).toBeUndefined();
    expect(of({ id: 1 })).toBeDefined();
  });

  it('says that a request costs more than the limit ever allows', () => {
    const { limits } = setUp();
    const { denial } = now(limits.checkPrincipal(alice, 'orders', 3, 0));
    expect(denial?.reason.code).toBe('limits.too-costly');
    expect(denial?.headers?.['retry-after']).toBeUndefined();
  });

  it('passes routes without limits, allocating nothing', () => {
    const { limits } = setUp();
    expect(limits.checkPrincipal(alice, 'free', 1, 0)).toBe(limits.checkPrincipal(alice, 'other', 1, 0));
  });

  it('waits only where the limiter must ask', async () => {
    const { limiter } = setUp();
    const asking: AskingLimiter = {
      ...limiter,
      take: () => undefined,
      wait: async (...args) => ({ ...limiter.take(...args) }),
      refund: () => undefined,
    };
    const { limits } = setUp({ limiter: asking });
    const verdicts: unknown[] = [];
    for (let n = 0; n < 3; n++) verdicts.push((await limits.checkPrincipal(alice, 'orders', 1, 0)).denial?.status);
    expect(verdicts).toEqual([undefined, undefined, 429]);
  });

  it('limits what runs at once, and counts out what left', () => {
    const { limits, concurrency } = setUp();
    expect(limits.enter(alice, 'export')).toBeUndefined();
    expect(limits.enter(alice, 'export')).toBeUndefined();
    expect(limits.enter(alice, 'export')).toMatchObject({ status: 429, reason: { code: 'limits.too-many-at-once' } });
    limits.leave(alice, 'export');
    expect(limits.enter(alice, 'export')).toBeUndefined();
    limits.leave(alice, 'export');
    limits.leave(alice, 'export');
    expect(concurrency.size).toBe(0);
  });
});

describe('concurrencyShare', () => {
  it('splits a limit without remainder, and lets each worker run one', () => {
    expect([0, 1, 2, 3].map((worker) => concurrencyShare(10, 4, worker))).toEqual([3, 3, 2, 2]);
    expect([0, 1].map((worker) => concurrencyShare(1, 2, worker))).toEqual([1, 1]);
  });
});

describe('addressKey', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:DB8:0000:0000:ffff:ffff:ffff:ffff', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['1::', '1:0:0:0::/64'],
  ])('%s counts as %s', (address, key) => expect(addressKey(address)).toBe(key));

  it('takes any prefix', () => {
    expect(addressKey('2001:db8:abcd:ef01::1', 56)).toBe('2001:db8:abcd:ef00::/56');
    expect(addressKey('2001:db8::1', 128)).toBe('2001:db8:0:0:0:0:0:1::/128');
  });

  it.each(['1:2:3', '1:2:3:4:5:6:7:8:9', '::1::2x', 'g::', '1:2:3:4:5:6:7::8:9'])('refuses %s', (address) =>
    expect(() => addressKey(address)).toThrow('is not an address'),
  );
});

describe('mergeLimitFields', () => {
  it('makes one list of two', () => {
    const a = { 'ratelimit-policy': '"a";q=1;w=1', ratelimit: '"a";r=1;t=0' };
    const b = { 'ratelimit-policy': '"b";q=1;w=1', ratelimit: '"b";r=1;t=0' };
    expect(mergeLimitFields(a, b)).toEqual({
      'ratelimit-policy': '"a";q=1;w=1, "b";q=1;w=1',
      ratelimit: '"a";r=1;t=0, "b";r=1;t=0',
    });
    expect(mergeLimitFields(undefined, b)).toBe(b);
    expect(mergeLimitFields(a, undefined)).toBe(a);
  });
});
