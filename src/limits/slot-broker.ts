import { type ConcurrencyRule, type SlotAsk, toSlotBrokerSchema } from '../api/limits.ts';
import { type Clock, deadline, type Timer } from '../core/clock.ts';
import { defaultLimitsOptions, tendWidth } from './config.ts';
import type { SendToSlotWorker } from './ports.ts';
import { createRound } from './round.ts';
import type { SharedLink } from './shared/link.ts';
import { SharedSlotPool } from './shared/slot-pool.ts';
import { createLocalSlotPool, type SlotPool } from './slot-pool.ts';

/** Hands slots of concurrency limits to workers: as many as the limit has, whoever holds them. */
export interface SlotBroker {
  /** Sets the limits. What is held of those that stay is kept. */
  configure(rules: readonly ConcurrencyRule[]): void;
  /** A worker is there. Its id belongs to this life of it: a restarted worker has another. */
  join(worker: string, send: SendToSlotWorker): void;
  /** A worker is gone, and what ran in it has ended with it: its slots are free. */
  leave(worker: string): void;
  /** A message of a worker; one that is none (`ToSlotBroker`) is dropped. */
  receive(worker: string, message: unknown): void;
  /** Keys of which slots are held or asked for. */
  readonly size: number;
  stop(): void;
}

export interface SlotBrokerOptions {
  readonly clock: Clock;
  readonly rules?: readonly ConcurrencyRule[];
  /** Through it several hosts share every limit; without it this host's workers are all there are. */
  readonly shared?: SharedLink;
  /** How long it waits for slots that it called back. */
  readonly recallMs?: number;
  /** Keys at once; what is asked for beyond is declined. */
  readonly maxKeys?: number;
}

/** A broker on `clock`; runs in one process, beside its workers. */
export function createSlotBroker(options: SlotBrokerOptions): SlotBroker {
  const broker = new Broker(options);
  broker.configure(options.rules ?? []);
  return broker;
}

interface QueuedAsk {
  readonly worker: string;
  readonly ask: SlotAsk;
  hasRecalled: boolean;
  /** Whether more was asked for on its behalf where the slots come from, and whether the answer is there. */
  refill: 'none' | 'asked' | 'answered';
}

/** One key of one limit: who holds how many of its slots, and who waits for some. */
interface Account {
  readonly limit: string;
  readonly key: string;
  readonly pool: SlotPool;
  readonly holdings: Map<string, number>;
  held: number;
  readonly queue: QueuedAsk[];
  /** Who has not yet answered a recall. */
  readonly awaited: Set<string>;
  timer: Timer | undefined;
  /** Whether its queue is being worked off: an answer may come back before the question returns. */
  isServing: boolean;
  /** Another host waits for what is called back from the workers. */
  isWanted: boolean;
  /** Down to how many the workers were last told to go, since they held more than there are. */
  cutTo: number | undefined;
}

class Broker implements SlotBroker {
  readonly #clock: Clock;
  readonly #shared: SharedLink | undefined;
  readonly #tending: Timer | undefined;
  readonly #recallMs: number;
  readonly #maxKeys: number;
  readonly #counts = new Map<string, number>();
  readonly #accounts = new Map<string, Account>();
  readonly #workers = new Map<string, SendToSlotWorker>();
  readonly #round = createRound<Account>(tendWidth, (account) => this.#tend(account));

  constructor({
    clock,
    shared,
    recallMs = defaultLimitsOptions.recallMs,
    maxKeys = defaultLimitsOptions.maxKeys,
  }: SlotBrokerOptions) {
    this.#clock = clock;
    this.#recallMs = recallMs;
    this.#maxKeys = maxKeys;
    this.#shared = shared;
    if (shared !== undefined)
      this.#tending = clock.every(shared.leaseMs / 20, () => this.#round.start(this.#accounts.values()));
  }

  get size(): number {
    return this.#accounts.size;
  }

  configure(rules: readonly ConcurrencyRule[]): void {
    this.#counts.clear();
    for (const { id, count } of rules) this.#counts.set(id, count);
    for (const account of [...this.#accounts.values()]) {
      if (!this.#counts.has(account.limit)) this.#drop(account);
      else this.#serve(account);
    }
  }

  stop(): void {
    this.#tending?.cancel();
    for (const { pool, timer } of this.#accounts.values()) {
      pool.stop?.();
      timer?.cancel();
    }
  }

  join(worker: string, send: SendToSlotWorker): void {
    this.#workers.set(worker, send);
  }

  leave(worker: string): void {
    this.#workers.delete(worker);
    for (const account of [...this.#accounts.values()]) {
      this.#set(account, worker, 0);
      account.awaited.delete(worker);
      const left = account.queue.filter((queued) => queued.worker !== worker);
      account.queue.splice(0, account.queue.length, ...left);
      this.#serve(account);
    }
  }

  receive(worker: string, unchecked: unknown): void {
    const { data: message } = toSlotBrokerSchema.safeParse(unchecked);
    if (message === undefined || !this.#workers.has(worker)) return;
    const account = this.#accountOf(message.limit, message.key);
    if (account === undefined) {
      if (message.kind === 'slot-ask') this.#decline(worker, message);
      return;
    }
    const holding = account.holdings.get(worker) ?? 0;
    if (message.kind === 'slot-ask') account.queue.push({ worker, ask: message, hasRecalled: false, refill: 'none' });
    else if (message.kind === 'slot-hold') {
      this.#set(account, worker, message.slots);
      account.cutTo = undefined;
    } else {
      this.#set(account, worker, Math.max(0, holding - message.slots));
      account.awaited.delete(worker);
    }
    this.#serve(account);
  }

  #serve(account: Account): void {
    if (account.isServing) return;
    account.isServing = true;
    for (let next = account.queue[0]; next !== undefined; next = account.queue[0]) {
      if (!this.#answer(account, next)) break;
    }
    const { pool, awaited } = account;
    if (account.isWanted && awaited.size === 0) {
      account.isWanted = false;
      pool.answer?.();
    }
    if (account.queue.length === 0 && pool.hasUnused?.()) this.#round.add(account);
    this.#cut(account);
    account.isServing = false;
    if (account.held > 0 || account.queue.length > 0 || !pool.isIdle()) return;
    this.#forget(account);
  }

  /** False: the ask waits for slots that were called back from workers, or for other hosts. */
  #answer(account: Account, queued: QueuedAsk): boolean {
    const { worker, ask } = queued;
    const { limit, key, pool } = account;
    // Nothing is handed out while the pool counts what came for those who wait.
    if (queued.refill === 'asked') return false;
    const spare = (): number => pool.capacity() - account.held;
    if (spare() < ask.need && !queued.hasRecalled) {
      queued.hasRecalled = true;
      this.#recall(account, worker);
    }
    if (spare() < ask.need && account.awaited.size > 0) return false;
    if (spare() < ask.need && this.#awaitsRefill(account, queued, spare())) return false;
    const slots = Math.max(0, Math.min(ask.need, spare()));
    account.queue.shift();
    this.#set(account, worker, (account.holdings.get(worker) ?? 0) + slots);
    this.#workers.get(worker)?.({ kind: 'slot-grant', ask: ask.id, limit, key, slots });
    return true;
  }

  #awaitsRefill(account: Account, queued: QueuedAsk, spare: number): boolean {
    if (queued.refill !== 'none') return false;
    // One question for all that wait.
    const need = account.queue.reduce((sum, { ask }) => sum + ask.need, 0);
    const refill = account.pool.refill?.(need - Math.max(0, spare));
    if (refill === undefined) return false;
    queued.refill = 'asked';
    void refill.then(() => {
      queued.refill = 'answered';
      this.#serve(account);
    });
    return true;
  }

  #recall(account: Account, exceptWorker?: string): void {
    const { limit, key, holdings, awaited } = account;
    const asked = [...holdings.keys()].filter((worker) => worker !== exceptWorker && !awaited.has(worker));
    for (const worker of asked) awaited.add(worker);
    account.timer?.cancel();
    // Whoever is silent keeps what it has, and is waited for no longer.
    account.timer = deadline(this.#clock, this.#recallMs, () => {
      awaited.clear();
      this.#serve(account);
    });
    for (const worker of asked) this.#workers.get(worker)?.({ kind: 'slot-recall', limit, key });
  }

  /**
   * Where workers hold more than there are (the limit was lowered, or shares decided while somebody was away), each goes down to
   * its part as what it runs ends. Else those that are never idle would keep it for ever.
   */
  #cut(account: Account): void {
    const { limit, key, held, holdings } = account;
    const capacity = account.pool.capacity();
    if (held <= capacity || account.cutTo === capacity) {
      if (held <= capacity) account.cutTo = undefined;
      return;
    }
    account.cutTo = capacity;
    for (const [worker, slots] of [...holdings]) {
      const keep = Math.floor((slots * capacity) / held);
      this.#workers.get(worker)?.({ kind: 'slot-recall', limit, key, keep });
    }
  }

  #wanted(account: Account): void {
    account.isWanted = true;
    this.#recall(account);
    this.#serve(account);
  }

  /** Those who wait are served first: what they lack is asked for, and what is left over given back. */
  #tend(account: Account): Promise<unknown> | undefined {
    this.#serve(account);
    return account.pool.tend?.();
  }

  #set(account: Account, worker: string, slots: number): void {
    account.held += slots - (account.holdings.get(worker) ?? 0);
    if (slots > 0) account.holdings.set(worker, slots);
    else account.holdings.delete(worker);
  }

  #accountOf(limit: string, key: string): Account | undefined {
    const id = idOf(limit, key);
    const known = this.#accounts.get(id);
    if (known !== undefined) return known;
    if (!this.#counts.has(limit) || this.#accounts.size >= this.#maxKeys) return undefined;
    const own = { holdings: new Map(), held: 0, queue: [], awaited: new Set<string>() };
    const pool = this.#poolOf(limit, key, () => account);
    const account: Account = {
      limit,
      key,
      pool,
      ...own,
      timer: undefined,
      isServing: false,
      isWanted: false,
      cutTo: undefined,
    };
    this.#accounts.set(id, account);
    return account;
  }

  #poolOf(limit: string, key: string, account: () => Account): SlotPool {
    const count = (): number => this.#counts.get(limit) ?? 0;
    if (this.#shared === undefined) return createLocalSlotPool(count);
    return new SharedSlotPool({
      clock: this.#clock,
      link: this.#shared,
      name: idOf(limit, key),
      count,
      held: () => account().held,
      // Well below the time for which a request waits for the broker.
      recallMs: this.#recallMs,
      onWanted: () => this.#wanted(account()),
      onChange: () => this.#serve(account()),
    });
  }

  #decline(worker: string, { id, limit, key }: SlotAsk): void {
    this.#workers.get(worker)?.({ kind: 'slot-decline', ask: id, limit, key });
  }

  #drop(account: Account): void {
    this.#forget(account);
    for (const { worker, ask } of account.queue.splice(0)) this.#decline(worker, ask);
  }

  #forget(account: Account): void {
    account.timer?.cancel();
    account.pool.stop?.();
    this.#accounts.delete(idOf(account.limit, account.key));
  }
}

const idOf = (limit: string, key: string): string => `${limit}\n${key}`;
