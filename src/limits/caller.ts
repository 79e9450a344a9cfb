import { createHash } from 'node:crypto';
import type { LimitRule } from '../api/limits.ts';
import { addressKey } from './address.ts';

/** What is known of who calls. */
export interface LimitedCaller {
  readonly remoteAddress: string;
  readonly issuer?: string;
  readonly sub?: string;
  readonly client?: string;
  readonly apiKey?: string;
  readonly claims?: Readonly<Record<string, unknown>>;
}

const longestKey = 200;

/**
 * The name under which `rule` counts `caller`. Who lacks the thing that the rule counts by is counted by address, so
 * that leaving out a credential is no way around a limit.
 */
export function callerKey({ by }: LimitRule, caller: LimitedCaller, route: string, ipv6PrefixBits: number): string {
  if (by === 'route') return route;
  if (by === 'all') return '';
  const name = by === 'ip' ? undefined : nameOf(by, caller);
  if (name === undefined) return addressKey(caller.remoteAddress, ipv6PrefixBits);
  // The prefix keeps a subject that is spelled like an address apart from that address.
  return `=${name.length > longestKey ? createHash('sha256').update(name).digest('base64url') : name}`;
}

function nameOf(by: Exclude<LimitRule['by'], 'ip' | 'route' | 'all'>, caller: LimitedCaller): string | undefined {
  if (by === 'client') return caller.client;
  if (by === 'apiKey') return caller.apiKey;
  if (by !== 'user') return claimText(caller.claims, by.claim);
  return caller.sub === undefined ? undefined : `${caller.issuer ?? ''} ${caller.sub}`;
}

function claimText(claims: LimitedCaller['claims'], claim: string): string | undefined {
  if (claims === undefined || !Object.hasOwn(claims, claim)) return undefined;
  const value = claims[claim];
  return typeof value === 'string' ? value : JSON.stringify(value);
}
