import type { ScannerNews, ScannerRules } from '../api/edge.ts';
import { subscriberOf } from '../net/index.ts';
import type { NetworkSet } from './networks.ts';
import { scannerNameOf } from './scanner-names.ts';

/** What of a request tells scanners from callers. */
export interface Visit {
  readonly address: string;
  /** Normalised. */
  readonly path: string;
  readonly userAgent: string | undefined;
}

/** An address is taken for a scanner. */
export interface Suspicion {
  /** What it is taken for one by: `31 of 33 requests failed`. */
  readonly because: string;
  /** Seconds until it may ask again; 0 where this request is within what it keeps. */
  readonly retryAfterSeconds: number;
}

/** Watches what addresses do, and says which are scanners. Times are monotonic milliseconds. */
export interface ScannerWatch {
  readonly rules: ScannerRules;
  /** Before a request is served. Undefined for callers like any other. */
  check(visit: Visit, nowMs: number): Suspicion | undefined;
  /** After it was answered. `isOdd`: it lacked fields that browsers and libraries send. */
  observe(address: string, status: number, isOdd: boolean, nowMs: number): void;
}

/** What is held against addresses, from one snapshot to the next. */
export interface ScannerMemory {
  readonly size: number;
  /** What was seen here since the last call, the worst of it: for the other workers. */
  takeNews(): ScannerNews[];
  /** What another worker has seen counts as if it had been seen here. */
  hear(news: readonly ScannerNews[], nowMs: number): void;
  /** `workers`: how many share the work; each lets its part of `rate` pass. */
  watch(rules: ScannerRules, friendly: NetworkSet, workers: number): ScannerWatch;
}

interface Suspect {
  /** Failed and all requests, halved with time; counted from the first that failed. */
  failed: number;
  total: number;
  atMs: number;
  /** Whether it is taken for a scanner, and by what beside its failures. */
  isFlagged: boolean;
  sign: string | undefined;
  /** When the next request is due (GCRA). */
  dueMs: number;
}

const failures: ReadonlySet<number> = new Set([400, 401, 403, 404, 405]);
// How far ahead of its rate an address may be: pages load several things at once.
const burst = 5;
const candidates = 8;

/** A memory of at most `maxAddresses`: an attacker with many of them pushes out whoever has done least. */
export function createScannerMemory(maxAddresses = 20_000): ScannerMemory {
  const suspects = new Map<string, Suspect>();
  const news = new Map<string, News>();
  let halfLifeMs = Number.POSITIVE_INFINITY;
  const add = (key: string, nowMs: number): Suspect => {
    if (suspects.size >= maxAddresses) suspects.delete(leastSuspect(suspects));
    const fresh = { failed: 0, total: 0, atMs: nowMs, isFlagged: false, sign: undefined, dueMs: 0 };
    suspects.set(key, fresh);
    return fresh;
  };
  return {
    get size() {
      return suspects.size;
    },
    takeNews: () => {
      const told = [...news].sort(([, one], [, other]) => other.failed - one.failed).slice(0, mostNews);
      news.clear();
      return told.map(([address, { failed, total, sign }]) => ({
        ...{ address, failed, total },
        ...(sign === undefined ? {} : { sign }),
      }));
    },
    hear: (heard, nowMs) => {
      for (const { address, failed, total, sign } of heard) {
        const suspect = suspects.get(address) ?? add(address, nowMs);
        decay(suspect, nowMs, halfLifeMs);
        suspect.failed += failed;
        suspect.total += total;
        suspect.sign ??= sign;
        suspect.isFlagged ||= sign !== undefined;
      }
    },
    watch: (rules, friendly, workers) => {
      ({ halfLifeMs } = rules);
      return createWatch({ suspects, news, add, rules, friendly, workers });
    },
  };
}

/** What is to be told of an address. */
interface News {
  failed: number;
  total: number;
  sign: string | undefined;
}

const mostNews = 500;

/** Beyond so many addresses at once, what is new is not told: their workers count them. */
const mostUntold = 5000;

function note(news: Map<string, News>, key: string, failed: number, total: number, sign?: string): void {
  const known = news.get(key);
  if (known !== undefined) {
    known.failed += failed;
    known.total += total;
    known.sign ??= sign;
  } else if (news.size < mostUntold) news.set(key, { failed, total, sign });
}

interface WatchParts {
  readonly suspects: Map<string, Suspect>;
  readonly news: Map<string, News>;
  readonly add: (key: string, nowMs: number) => Suspect;
  readonly rules: ScannerRules;
  readonly friendly: NetworkSet;
  readonly workers: number;
}

function createWatch({ suspects, news, add, rules, friendly, workers }: WatchParts): ScannerWatch {
  const everyMs = (rules.periodMs / rules.count) * workers;
  const find = (key: string, nowMs: number): Suspect | undefined => {
    const suspect = suspects.get(key);
    if (suspect !== undefined) decay(suspect, nowMs, rules.halfLifeMs);
    return suspect;
  };
  return {
    rules,
    check: (visit, nowMs) => {
      const sign = signOf(visit, rules.honeypots);
      if (sign === undefined && suspects.size === 0) return undefined;
      const key = subscriberOf(visit.address);
      let suspect = find(key, nowMs);
      // Where it failed may have been another worker.
      if (suspect !== undefined) suspect.isFlagged ||= failsTooOften(suspect, rules);
      if (sign === undefined && suspect?.isFlagged !== true) return undefined;
      if (friendly.has(visit.address)) return undefined;
      suspect ??= add(key, nowMs);
      if (sign !== undefined) {
        const isNew = suspect.sign === undefined;
        const missing = incriminate(suspect, sign, rules.failures);
        if (isNew || missing > 0) note(news, key, missing, missing, sign);
      }
      if (!isStillOne(suspect, rules)) {
        suspects.delete(key);
        return undefined;
      }
      return { because: reasonOf(suspect), retryAfterSeconds: waitOf(suspect, everyMs, nowMs) };
    },
    observe: (address, status, isOdd, nowMs) => {
      const failed = failures.has(status);
      if (status === 429 || (!failed && suspects.size === 0)) return;
      const key = subscriberOf(address);
      let suspect = find(key, nowMs);
      if (!failed) {
        if (suspect === undefined) return;
        suspect.total++;
        note(news, key, 0, 1);
        return;
      }
      suspect ??= add(key, nowMs);
      const weight = isOdd ? 2 : 1;
      suspect.failed += weight;
      suspect.total += weight;
      suspect.isFlagged ||= failsTooOften(suspect, rules);
      note(news, key, weight, weight);
    },
  };
}

function decay(suspect: Suspect, nowMs: number, halfLifeMs: number): void {
  const factor = 0.5 ** ((nowMs - suspect.atMs) / halfLifeMs);
  suspect.failed *= factor;
  suspect.total *= factor;
  suspect.atMs = nowMs;
}

/** What gives a scanner away at once, whatever it is answered. */
function signOf({ path, userAgent }: Visit, honeypots: readonly string[]): string | undefined {
  const tool = userAgent === undefined ? undefined : scannerNameOf(userAgent);
  if (tool !== undefined) return `the user agent of ${tool}`;
  const trap = honeypots.find((each) => path === each || path.startsWith(`${each}/`));
  return trap === undefined ? undefined : `it asked for the honeypot ${trap}`;
}

function failsTooOften({ failed, total }: Suspect, { failures: enough, share }: ScannerRules): boolean {
  return failed >= enough && failed >= share * total;
}

/** Gives what was held against it anew. */
function incriminate(suspect: Suspect, sign: string, enough: number): number {
  suspect.sign = sign;
  suspect.isFlagged = true;
  const missing = Math.max(0, enough - suspect.failed);
  suspect.failed += missing;
  suspect.total += missing;
  return missing;
}

/** It is let go when most is forgotten, or when it has behaved for long enough: at half of what made it one. */
function isStillOne({ failed, total, sign }: Suspect, rules: ScannerRules): boolean {
  return failed >= rules.failures / 2 && (sign !== undefined || failed >= (rules.share / 2) * total);
}

function reasonOf({ failed, total, sign }: Suspect): string {
  return sign ?? `${Math.round(failed)} of ${Math.round(total)} requests failed`;
}

/** Takes a request from what the address keeps; seconds to wait where there is none left. */
function waitOf(suspect: Suspect, everyMs: number, nowMs: number): number {
  const due = Math.max(suspect.dueMs, nowMs);
  const aheadMs = due - nowMs - everyMs * (burst - 1);
  if (aheadMs > 0) return Math.max(1, Math.ceil(aheadMs / 1000));
  suspect.dueMs = due + everyMs;
  return 0;
}

/** Of those that have been there longest, whoever has failed least. */
function leastSuspect(suspects: ReadonlyMap<string, Suspect>): string {
  let least: string | undefined;
  let lowest = Number.POSITIVE_INFINITY;
  let looked = 0;
  for (const [key, { failed }] of suspects) {
    if (failed < lowest) [least, lowest] = [key, failed];
    if (++looked === candidates) break;
  }
  return least ?? '';
}
