import { type ConcurrencyRule, type SlotAsk, toSlotBrokerSchema } from '../api/limits.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { defaultLimitsOptions } from './config.ts';
import type { SendToSlotWorker } from './ports.ts';

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
}

export interface SlotBrokerOptions {
  readonly clock: Clock;
  readonly rules?: readonly ConcurrencyRule[];
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
}

/** One key of one limit: who holds how many of its slots, and who waits for some. */
interface Account {
  readonly limit: string;
  readonly key: string;
  readonly holdings: Map<string, number>;
  held: number;
  readonly queue: QueuedAsk[];
  /** Who has not yet answered a recall. */
  readonly awaited: Set<string>;
  timer: Timer | undefined;
  /** Whether its queue is being worked off: an answer may come back before the question returns. */
  isServing: boolean;
}

class Broker implements SlotBroker {
  readonly #clock: Clock;
  readonly #recallMs: number;
  readonly #maxKeys: number;
  readonly #counts = new Map<string, number>();
  readonly #accounts = new Map<string, Account>();
  readonly #workers = new Map<string, SendToSlotWorker>();

  constructor({
    clock,
    recallMs = defaultLimitsOptions.recallMs,
    maxKeys = defaultLimitsOptions.maxKeys,
  }: SlotBrokerOptions) {
    this.#clock = clock;
    this.#recallMs = recallMs;
    this.#maxKeys = maxKeys;
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
    if (message.kind === 'slot-ask') account.queue.push({ worker, ask: message, hasRecalled: false });
    else if (message.kind === 'slot-hold') this.#set(account, worker, message.slots);
    else {
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
    account.isServing = false;
    if (account.held > 0 || account.queue.length > 0) return;
    account.timer?.cancel();
    this.#accounts.delete(idOf(account.limit, account.key));
  }

  /** False: the ask waits for slots that were called back. */
  #answer(account: Account, queued: QueuedAsk): boolean {
    const { worker, ask } = queued;
    const { limit, key } = account;
    const count = this.#counts.get(limit) ?? 0;
    if (count - account.held < ask.need && !queued.hasRecalled) {
      queued.hasRecalled = true;
      this.#recall(account, worker);
    }
    if (count - account.held < ask.need && account.awaited.size > 0) return false;
    const slots = Math.max(0, Math.min(ask.need, count - account.held));
    account.queue.shift();
    this.#set(account, worker, (account.holdings.get(worker) ?? 0) + slots);
    this.#workers.get(worker)?.({ kind: 'slot-grant', ask: ask.id, limit, key, slots });
    return true;
  }

  #recall(account: Account, exceptWorker: string): void {
    const { limit, key, holdings, awaited } = account;
    const asked = [...holdings.keys()].filter((worker) => worker !== exceptWorker && !awaited.has(worker));
    for (const worker of asked) awaited.add(worker);
    account.timer?.cancel();
    // Whoever is silent keeps what it has, and is waited for no longer.
    account.timer = this.#clock.after(this.#recallMs, () => {
      awaited.clear();
      this.#serve(account);
    });
    for (const worker of asked) this.#workers.get(worker)?.({ kind: 'slot-recall', limit, key });
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
    const account: Account = { limit, key, ...own, timer: undefined, isServing: false };
    this.#accounts.set(id, account);
    return account;
  }

  #decline(worker: string, { id, limit, key }: SlotAsk): void {
    this.#workers.get(worker)?.({ kind: 'slot-decline', ask: id, limit, key });
  }

  #drop(account: Account): void {
    account.timer?.cancel();
    this.#accounts.delete(idOf(account.limit, account.key));
    for (const { worker, ask } of account.queue.splice(0)) this.#decline(worker, ask);
  }
}

const idOf = (limit: string, key: string): string => `${limit}\n${key}`;
