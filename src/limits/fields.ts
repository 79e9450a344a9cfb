import type { LimitState } from './limit-state.ts';

// RateLimit and RateLimit-Policy: draft-ietf-httpapi-ratelimit-headers-10, lists of structured-field items (RFC 9651).

/** One item of `RateLimit-Policy`: `"perUser";q=60;w=60`. `windowMs` is told in whole seconds, at least 1. */
export function formatPolicyItem(name: string, quota: number, windowMs: number): string {
  return `"${name}";q=${quota};w=${wholeSeconds(windowMs)}`;
}

/** One item of `RateLimit`: `"perUser";r=12;t=30`: what remains, and the seconds until it is whole again. */
export function formatStateItem(name: string, { remaining, resetMs }: LimitState): string {
  return `"${name}";r=${remaining};t=${Math.max(0, Math.ceil(resetMs / 1000))}`;
}

/** `Retry-After` in seconds (RFC 9110, section 10.2.3): rounded up, so that whoever obeys it gets through; undefined: never. */
export function formatRetryAfter(retryAfterMs: number): string | undefined {
  return Number.isFinite(retryAfterMs) ? String(wholeSeconds(retryAfterMs)) : undefined;
}

function wholeSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}

/** Response fields about limits; names in lower case. */
export interface LimitFields {
  readonly 'ratelimit-policy': string;
  readonly ratelimit: string;
}

/** The fields of two checks of one request, as one list. */
export function mergeLimitFields(
  first: LimitFields | undefined,
  second: LimitFields | undefined,
): LimitFields | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  return {
    'ratelimit-policy': `${first['ratelimit-policy']}, ${second['ratelimit-policy']}`,
    ratelimit: `${first.ratelimit}, ${second.ratelimit}`,
  };
}
