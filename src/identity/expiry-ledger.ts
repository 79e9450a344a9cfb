import type { Expiring } from '../api/identity.ts';
import type { Clock } from '../core/clock.ts';
import type { AuthorityFacts } from './authority.ts';
import { renewalPoints } from './config.ts';

/** One list of everything that expires: certificates, keys, tokens, leases, API keys, suppressions. */
export interface ExpiryLedger {
  /** Adds an entry, or replaces the one with its id. */
  put(entry: Expiring): void;
  remove(id: string): void;
  get(id: string): Expiring | undefined;
  /** Everything, the soonest to expire first. */
  all(): readonly Expiring[];
  /** What expires within `withinMs` from now, and what has expired already; soonest first. */
  upcoming(withinMs: number): readonly Expiring[];
  /** What should have been renewed by now: past 65 % of its life. Soonest to expire first. */
  overdue(): readonly Expiring[];
}

/** An empty ledger. */
export function createExpiryLedger(clock: Clock): ExpiryLedger {
  const entries = new Map<string, Expiring>();
  let sorted: readonly Expiring[] | undefined;
  const all = (): readonly Expiring[] => (sorted ??= [...entries.values()].sort(bySoonest));
  return {
    put: (entry) => {
      entries.set(entry.id, entry);
      sorted = undefined;
    },
    remove: (id) => {
      if (entries.delete(id)) sorted = undefined;
    },
    get: (id) => entries.get(id),
    all,
    upcoming: (withinMs) => {
      const end = clock.now() + withinMs;
      return all().filter(({ expiresAtMs }) => expiresAtMs <= end);
    },
    overdue: () => {
      const now = clock.now();
      return all().filter(
        (entry) => now - entry.issuedAtMs >= renewalPoints.stalled * (entry.expiresAtMs - entry.issuedAtMs),
      );
    },
  };
}

function bySoonest(a: Expiring, b: Expiring): number {
  return a.expiresAtMs - b.expiresAtMs || (a.id < b.id ? -1 : 1);
}

/** The entries of a trust domain's authorities, each root, intermediate and token key of its own. */
export function expiringAuthorities(trustDomain: string, facts: readonly AuthorityFacts[]): Expiring[] {
  return facts.flatMap(({ kind, id, intermediate, ...own }) => {
    const entry = (part: string, name: string, life: { notBeforeMs: number; notAfterMs: number }): Expiring => ({
      id: `authority/${trustDomain}/${id}${part}`,
      kind: kind === 'x509' ? 'certificate' : 'key',
      name: `${name} of ${trustDomain}`,
      issuedAtMs: life.notBeforeMs,
      expiresAtMs: life.notAfterMs,
      renewedBy: 'authority rotation',
    });
    if (kind === 'jwt') return [entry('', 'JWT-SVID key', own)];
    return [
      entry('', 'X.509 root', own),
      ...(intermediate ? [entry('/intermediate', 'X.509 intermediate', intermediate)] : []),
    ];
  });
}
