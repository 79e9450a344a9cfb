import type { ConcurrencyRule, LimitRule } from '../api/limits.ts';
import type { Denial, Reason } from '../api/record.ts';
import { formatRetryAfter, type LimitFields } from './fields.ts';
import type { LimitState, TokenRule } from './limit-state.ts';

/** 429 for a caller over `rule` (RFC 6585, section 4), with the fields that say when to come back. */
export function denyCall(rule: TokenRule, state: LimitState, fields: LimitFields): Denial {
  const retryAfter = formatRetryAfter(state.retryAfterMs);
  // As the draft's own problem type (`quota-exceeded`) names them.
  const members = { 'violated-policies': [rule.name] };
  if (retryAfter === undefined) return { status: 429, reason: tooCostly(rule), members, headers: { ...fields } };
  const reason: Reason = {
    filter: 'limits',
    code: 'limits.exceeded',
    message: `the limit of ${rule.text} ${scopeOf(rule)} is used up`,
    rule: ruleName(rule),
    expected: `at most ${rule.text}`,
    fixes: [`wait ${retryAfter} s`, `raise \`${rule.origin}\` in the manifest`],
  };
  return { status: 429, reason, members, headers: { ...fields, 'retry-after': retryAfter } };
}

/** 429 for a caller of whom too many requests run. */
export function denyConcurrency(rule: ConcurrencyRule): Denial {
  const reason: Reason = {
    filter: 'limits',
    code: 'limits.too-many-at-once',
    message: `${rule.text} requests at once ${scopeOf(rule)} are already running`,
    rule: ruleName(rule),
    fixes: ['wait for a running request to end', `raise \`${rule.origin}\` in the manifest`],
  };
  return { status: 429, reason, headers: { 'retry-after': '1' } };
}

function tooCostly(rule: TokenRule): Reason {
  return {
    filter: 'limits',
    code: 'limits.too-costly',
    message: `one such request costs more than the limit of ${rule.text} ever allows`,
    rule: ruleName(rule),
    fixes: [`raise \`${rule.origin}\` or its burst in the manifest`, 'lower the cost of the route'],
  };
}

function ruleName(rule: LimitRule): string {
  return `${rule.origin} ${rule.text}`;
}

function scopeOf({ by }: LimitRule): string {
  if (typeof by === 'object') return `for each \`${by.claim}\``;
  const scopes = {
    ip: 'per address',
    user: 'per user',
    client: 'per client',
    apiKey: 'per API key',
    route: 'for this route',
    all: 'for everyone together',
  };
  return scopes[by];
}
