// The limits that the benchmark's parts share.
import type { LimitRule, LimitsSection } from '../../src/api/limits.ts';

const monthMs = 31 * 86_400_000;

const rate = (name: string, by: LimitRule['by'], count: number, periodMs: number): LimitRule => ({
  kind: 'rate',
  id: `bench:${name}`,
  name,
  by,
  origin: `routes[0].limits.${name}`,
  text: `${count}`,
  count,
  periodMs,
});

/** What a gateway with a limit per address, and a route with one per user, has to look at. */
export const usual: LimitsSection = {
  ipv6PrefixBits: 64,
  gateway: [rate('perIp', 'ip', 1e9, 60_000)],
  routes: { 'routes[0]': [rate('perUser', 'user', 1e9, 60_000)] },
};

/** One limit that a million requests run into. A rate so slow that next to nothing flows back meanwhile. */
export function wall(kind: 'rate' | 'quota', count: number): LimitsSection {
  const rule: LimitRule =
    kind === 'rate'
      ? rate('perUser', 'user', count, monthMs)
      : { ...rate('quota', 'user', count, monthMs), kind, period: 'month' };
  const { periodMs: _, ...quota } = rule as LimitRule & { periodMs: number };
  return {
    ipv6PrefixBits: 64,
    gateway: [],
    routes: { 'routes[0]': [kind === 'rate' ? rule : (quota as LimitRule)] },
  };
}

/** Tokens that flow back within `ms`. */
export function refilled(count: number, ms: number): number {
  return (count * ms) / monthMs;
}

export const alice = { remoteAddress: '192.0.2.7', claims: {}, issuer: 'https://op.example', sub: 'alice' };
