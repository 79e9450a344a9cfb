import { type LeaseAsk, type LeaseGrant, toBrokerSchema } from '../api/limits.ts';
import { type Clock, deadline, type Timer } from '../core/clock.ts';
import { defaultLimitsOptions, tendWidth } from './config.ts';
import { LeaseAccount, type QueuedAsk } from './lease-account.ts';
import { createQuotaPool, createRatePool, type LeasePool } from './lease-pool.ts';
import { rateSpecOf, type TokenRule } from './limit-state.ts';
import { ParkedKeys } from './parked-keys.ts';
import type { SendToWorker } from './ports.ts';
import type { Quotas } from './quotas.ts';
import { createRound } from './round.ts';
import type { SharedLink } from './shared/link.ts';
import { SharedQuotaPool } from './shared/quota-pool.ts';
import { SharedRatePool } from './shared/rate-pool.ts';

/** Hands slices of limits to workers, so that each admits on its own and all together never too much. */
export interface LeaseBroker {
  /** Sets the limits. Keys in use keep their counts where their limit stays as it is. */
  configure(rules: readonly TokenRule[]): void;
  /** A worker is there. Its id belongs to this life of it: a restarted worker has another. */
  join(worker: string, send: SendToWorker): void;
  /** A worker is gone. What it held counts as spent once its leases have run out; a rate refills from there. */
  leave(worker: string): void;
  /** A message of a worker; one that is none (`ToBroker`) is dropped. */
  receive(worker: string, message: unknown): void;
  /** Keys in use, and the bytes that those take which are not. */
  stats(): { readonly accounts: number; readonly parkedBytes: number };
  stop(): void;
}

/** `quotas`: needed where a rule is a quota. `maxKeys`: keys in use at once, and so many more that are counted on; beyond, newcomers of a limit share 64 counts. */
export interface LeaseBrokerOptions {
  readonly clock: Clock;
  readonly rules?: readonly TokenRule[];
  readonly quotas?: Quotas;
  /** Through it several hosts share every limit; without it this host counts for itself. */
  readonly shared?: SharedLink;
  readonly leaseMs?: number;
  readonly recallMs?: number;
  readonly maxSlice?: number;
  readonly maxKeys?: number;
  /** A quota could not be saved: the grant was withheld, and the request is judged by the worker's own share. */
  readonly onSaveFailure?: (error: unknown) => void;
}

/** A broker on `clock`; runs in one process, beside its workers. */
export function createLeaseBroker(options: LeaseBrokerOptions): LeaseBroker {
  const broker = new Broker(options);
  broker.configure(options.rules ?? []);
  return broker;
}

type LeaseFacts = Pick<LeaseGrant, 'remaining' | 'resetMs' | 'retryAfterMs'>;

const sharedPrefix = '\0shared';

class Broker implements LeaseBroker {
  readonly #options: Required<Omit<LeaseBrokerOptions, 'quotas' | 'shared' | 'rules'>> &
    Pick<LeaseBrokerOptions, 'quotas' | 'shared'>;
  readonly #rules = new Map<string, TokenRule>();
  readonly #accounts = new Map<string, LeaseAccount>();
  readonly #workers = new Map<string, SendToWorker>();
  readonly #round = createRound<[string, LeaseAccount]>(tendWidth, ([id, account]) => this.#tend(id, account));
  readonly #parked: ParkedKeys;
  readonly #sweeper: Timer;

  constructor({ rules: _, ...options }: LeaseBrokerOptions) {
    const { leaseMs, recallMs, maxSlice, maxKeys } = defaultLimitsOptions;
    this.#options = { leaseMs, recallMs, maxSlice, maxKeys, onSaveFailure: () => undefined, ...options };
    this.#parked = new ParkedKeys(this.#options.maxKeys);
    this.#sweeper = options.clock.every(this.#options.leaseMs / 2, () => this.#round.start(this.#accounts));
  }

  configure(rules: readonly TokenRule[]): void {
    const before = new Map(this.#rules);
    this.#rules.clear();
    for (const rule of rules) this.#rules.set(rule.id, rule);
    this.#options.quotas?.configure(rules.filter((rule) => rule.kind === 'quota'));
    for (const [id, account] of this.#accounts) {
      if (!isSame(before.get(account.limit), this.#rules.get(account.limit))) this.#drop(id, account);
    }
  }

  join(worker: string, send: SendToWorker): void {
    this.#workers.set(worker, send);
  }

  leave(worker: string): void {
    this.#workers.delete(worker);
    for (const account of this.#accounts.values()) {
      const left = account.queue.filter((queued) => queued.worker !== worker);
      account.queue.splice(0, account.queue.length, ...left);
    }
  }

  receive(worker: string, unchecked: unknown): void {
    const { data: message } = toBrokerSchema.safeParse(unchecked);
    if (message === undefined) return;
    const rule = this.#rules.get(message.limit);
    if (rule === undefined || !this.#workers.has(worker)) {
      if (message.kind === 'ask') this.#decline(worker, message);
      return;
    }
    const account = this.#accountOf(rule, message.key);
    const now = this.#options.clock.monotonic();
    account.report(worker, message.spent, message.kind === 'return' ? message.unspent : 0, now);
    if (message.kind === 'ask') account.queue.push({ worker, ask: message, refill: 'none' });
    else account.answered(worker);
    this.#serve(account);
  }

  stats(): ReturnType<LeaseBroker['stats']> {
    return { accounts: this.#accounts.size, parkedBytes: this.#parked.bytes };
  }

  stop(): void {
    this.#sweeper.cancel();
  }

  #serve(account: LeaseAccount): void {
    if (account.serving) return;
    account.serving = true;
    for (let next = account.queue[0]; next !== undefined; next = account.queue[0]) {
      if (!this.#answer(account, next)) break;
      account.queue.shift();
    }
    account.serving = false;
  }

  /** False: the ask waits for slices that were called back, or for other hosts' counters. */
  #answer(account: LeaseAccount, queued: QueuedAsk): boolean {
    const { worker, ask } = queued;
    const now = this.#options.clock.monotonic();
    if (this.#awaitsRefill(account, queued, now)) return false;
    if (account.pool.spare(account.held, now) < ask.need) {
      this.#recall(account, worker, now);
      if (account.awaits(worker, now)) return false;
    }
    const spare = account.pool.spare(account.held, now);
    const tokens = spare < ask.need ? 0 : this.#slice(ask, spare);
    // The worker spends for one lease from its asking, and has one more to tell what is left.
    if (tokens > 0) account.grant(worker, tokens, now + 2 * this.#options.leaseMs);
    const facts = account.pool.describe(Math.max(1, ask.need), account.held, now);
    const saved = tokens > 0 ? account.pool.saved() : undefined;
    if (saved === undefined) this.#send(worker, ask, tokens, facts);
    else
      saved.then(
        () => this.#send(worker, ask, tokens, facts),
        (error) => this.#unsaved(worker, ask, error),
      );
    return true;
  }

  #awaitsRefill(account: LeaseAccount, queued: QueuedAsk, now: number): boolean {
    if (queued.refill !== 'none') return queued.refill === 'asked';
    const { need, want } = queued.ask;
    if (account.pool.spare(account.held, now) >= Math.max(1, need)) return false;
    const wanted = Math.min(this.#options.maxSlice, Math.max(need, want * Math.max(1, this.#workers.size)));
    const refill = account.pool.refill?.({ need, want: wanted }, account.held, now);
    if (refill === undefined) return false;
    queued.refill = 'asked';
    void refill.then(() => {
      queued.refill = 'answered';
      this.#serve(account);
    });
    return true;
  }

  #recall(account: LeaseAccount, exceptWorker: string, nowMs: number): void {
    const { limit, key } = account;
    const { clock, recallMs } = this.#options;
    const holders = account.recall(exceptWorker, nowMs + recallMs);
    if (holders.length > 0) deadline(clock, recallMs, () => this.#serve(account));
    for (const worker of holders) {
      const send = this.#workers.get(worker);
      // Whoever is gone gives nothing back: what it held is waited for no longer.
      if (send === undefined) account.answered(worker);
      else send({ kind: 'recall', limit, key });
    }
  }

  /** A share of what is there, smaller toward the end, so that little is stranded with a worker that needs it not. */
  #slice(ask: LeaseAsk, spare: number): number {
    const share = Math.max(1, Math.floor(spare / (2 * Math.max(1, this.#workers.size))));
    return Math.min(spare, Math.max(ask.need, Math.min(ask.want, share, this.#options.maxSlice)));
  }

  #send(worker: string, { id, limit, key }: LeaseAsk, tokens: number, facts: LeaseFacts): void {
    const { remaining, resetMs } = facts;
    const { leaseMs } = this.#options;
    const retryAfterMs = tokens > 0 ? 0 : Number.isFinite(facts.retryAfterMs) ? facts.retryAfterMs : -1;
    const grant = { kind: 'grant', ask: id, limit, key, tokens, leaseMs, remaining, resetMs, retryAfterMs } as const;
    this.#workers.get(worker)?.(grant);
  }

  #decline(worker: string, { id, limit, key }: LeaseAsk): void {
    this.#workers.get(worker)?.({ kind: 'decline', ask: id, limit, key });
  }

  #unsaved(worker: string, ask: LeaseAsk, error: unknown): void {
    this.#decline(worker, ask);
    this.#options.onSaveFailure(error);
  }

  #accountOf(rule: TokenRule, key: string): LeaseAccount {
    const id = `${rule.id}\n${key}`;
    const known = this.#accounts.get(id);
    if (known !== undefined) return known;
    if (this.#accounts.size >= this.#options.maxKeys && !key.startsWith(sharedPrefix))
      return this.#accountOf(rule, this.#parked.sharedNameOf(key));
    const account = new LeaseAccount(rule.id, key, this.#poolOf(rule, key));
    this.#accounts.set(id, account);
    return account;
  }

  #poolOf(rule: TokenRule, key: string): LeasePool {
    const { quotas, shared } = this.#options;
    if (rule.kind === 'rate') {
      const spec = rateSpecOf(rule);
      return shared === undefined
        ? createRatePool(spec, this.#parked.find(rule, key))
        : new SharedRatePool(`${rule.id}\n${key}`, spec, shared);
    }
    if (quotas === undefined) throw new TypeError('a broker of quotas needs `quotas`');
    if (shared !== undefined) return new SharedQuotaPool(quotas, rule, key, shared);
    return createQuotaPool(quotas, rule.id, key);
  }

  #tend(id: string, account: LeaseAccount): Promise<void> | undefined {
    const now = this.#options.clock.monotonic();
    account.expire(now);
    const asked = account.pool.tend?.(account.held, now);
    this.#serve(account);
    if (account.isIdle(now) || this.#park(account, now)) this.#accounts.delete(id);
    return asked;
  }

  /** An account takes as much room as many parked keys. */
  #park({ limit, key, pool, isUnused }: LeaseAccount, now: number): boolean {
    const rule = this.#rules.get(limit);
    const wholeAtMs = isUnused ? pool.wholeAtMs : undefined;
    return rule !== undefined && wholeAtMs !== undefined && this.#parked.park(rule, key, wholeAtMs, now);
  }

  #drop(id: string, account: LeaseAccount): void {
    this.#accounts.delete(id);
    for (const { worker, ask } of account.queue) this.#decline(worker, ask);
  }
}

function isSame(a: TokenRule | undefined, b: TokenRule | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
