import type { SlotGrant, SlotRecall, ToSlotWorker } from '../api/limits.ts';
import { type Clock, deadline, type Timer } from '../core/clock.ts';
import type { ConcurrencyLimiter } from './concurrency.ts';
import { defaultLimitsOptions, type LimitsOptions } from './config.ts';
import type { SendToSlotBroker } from './ports.ts';

/** A worker's concurrency limits: a request runs on a slot that the broker has lent, so that all workers together never let too many run. */
export interface SlotLimiter extends ConcurrencyLimiter {
  /** A message of the broker. */
  receive(message: ToSlotWorker): void;
  /** The broker is there, perhaps another one: it is told what runs here, and asked anew. */
  rejoin(): void;
  /** Requests that wait are judged by the worker's own share. */
  stop(): void;
}

/** `share`: the part of a limit that is this worker's own, for when the broker is silent. */
export interface SlotLimiterOptions extends Partial<LimitsOptions> {
  readonly clock: Clock;
  readonly share: (max: number) => number;
  readonly send: SendToSlotBroker;
}

/** A limiter over slots. `acquire` is synchronous where a slot is in hand; else it asks, once for all that wait for that key. */
export function createSlotLimiter(options: SlotLimiterOptions): SlotLimiter {
  return new Slots(options);
}

interface Waiter {
  readonly max: number;
  /** Whether the ask that is under way counts it. */
  isAskedFor: boolean;
  readonly settle: (mayRun: boolean) => void;
}

/** One key of one limit. */
interface Slot {
  readonly limit: string;
  readonly key: string;
  /** Slots lent to this worker; fewer than `used` only where its own share decided. */
  held: number;
  used: number;
  /** What is held above it is given back as soon as it is free. */
  keep: number;
  readonly waiters: Waiter[];
  ask: { readonly id: number; readonly timer: Timer } | undefined;
  deniedUntilMs: number;
  /** When it was last used. */
  usedAtMs: number;
}

class Slots implements SlotLimiter {
  readonly #options: LimitsOptions & SlotLimiterOptions;
  readonly #slots = new Map<string, Slot>();
  readonly #sweeper: Timer;
  #asks = 0;
  #waiting = 0;
  /** The broker did not answer; until then nobody waits for it. */
  #silentUntilMs = 0;

  constructor(options: SlotLimiterOptions) {
    this.#options = { ...defaultLimitsOptions, ...options };
    this.#sweeper = options.clock.every(this.#options.slotIdleMs / 2, () => this.#sweep());
  }

  get size(): number {
    return this.#slots.size;
  }

  acquire(limit: string, key: string, max: number): boolean | Promise<boolean> {
    const slot = this.#open(limit, key);
    const nowMs = this.#options.clock.monotonic();
    slot.usedAtMs = nowMs;
    if (slot.used >= max || nowMs < slot.deniedUntilMs) return false;
    if (slot.waiters.length === 0 && slot.used < slot.held) {
      slot.used++;
      return true;
    }
    if (nowMs < this.#silentUntilMs || this.#waiting >= this.#options.maxWaiting) return this.#ownShare(slot, max);
    return new Promise((resolve) => {
      this.#waiting++;
      const settle = (mayRun: boolean): void => {
        this.#waiting--;
        resolve(mayRun);
      };
      slot.waiters.push({ max, isAskedFor: false, settle });
      this.#ask(slot);
    });
  }

  release(limit: string, key: string): void {
    const slot = this.#slots.get(idOf(limit, key));
    if (slot === undefined || slot.used === 0) return;
    slot.used--;
    slot.usedAtMs = this.#options.clock.monotonic();
    slot.deniedUntilMs = 0;
    if (slot.held > slot.keep) this.#giveBack(limit, key, slot, slot.keep);
    this.#serve(slot);
  }

  receive(message: ToSlotWorker): void {
    const { kind, limit, key } = message;
    const slot = this.#slots.get(idOf(limit, key));
    this.#silentUntilMs = 0;
    if (kind === 'slot-grant') this.#accept(message, slot);
    else if (kind === 'slot-recall') this.#recalled(message, slot);
    else if (slot?.ask?.id === message.ask) this.#giveUp(slot);
  }

  rejoin(): void {
    this.#silentUntilMs = 0;
    for (const slot of this.#slots.values()) {
      const { limit, key, used } = slot;
      slot.held = used;
      slot.keep = Infinity;
      slot.deniedUntilMs = 0;
      this.#forgetAsk(slot);
      if (used > 0) this.#options.send({ kind: 'slot-hold', limit, key, slots: used });
      this.#ask(slot);
    }
  }

  stop(): void {
    this.#sweeper.cancel();
    for (const slot of this.#slots.values()) this.#giveUp(slot);
  }

  #open(limit: string, key: string): Slot {
    const id = idOf(limit, key);
    let slot = this.#slots.get(id);
    if (slot === undefined) {
      slot = {
        limit,
        key,
        held: 0,
        used: 0,
        keep: Infinity,
        waiters: [],
        ask: undefined,
        deniedUntilMs: 0,
        usedAtMs: 0,
      };
      this.#slots.set(id, slot);
    }
    return slot;
  }

  #ask(slot: Slot): void {
    if (slot.ask !== undefined || slot.waiters.length === 0) return;
    const { limit, key, waiters } = slot;
    const { clock, askTimeoutMs, leaseMs, send } = this.#options;
    const timer = deadline(clock, askTimeoutMs, () => {
      this.#silentUntilMs = clock.monotonic() + leaseMs;
      this.#giveUp(slot);
    });
    const id = ++this.#asks;
    slot.ask = { id, timer };
    for (const waiter of waiters) waiter.isAskedFor = true;
    send({ kind: 'slot-ask', id, limit, key, need: waiters.length });
  }

  #accept({ ask, limit, key, slots }: SlotGrant, slot: Slot | undefined): void {
    if (slot?.ask?.id !== ask) {
      // It comes too late. Whoever waited for it has been judged otherwise.
      if (slots > 0) this.#options.send({ kind: 'slot-return', limit, key, slots });
      return;
    }
    slot.ask.timer.cancel();
    slot.ask = undefined;
    slot.held += slots;
    if (slots > 0) slot.keep = Infinity;
    this.#serve(slot);
    // Who was asked for and is still here was refused: the broker gave all that there was.
    const refused = slot.waiters.filter(({ isAskedFor }) => isAskedFor);
    if (refused.length > 0) slot.deniedUntilMs = this.#options.clock.monotonic() + this.#options.minRetryMs;
    slot.waiters.splice(0, refused.length);
    for (const waiter of refused) waiter.settle(false);
    this.#ask(slot);
  }

  #serve(slot: Slot): void {
    while (slot.used < slot.held) {
      const next = slot.waiters.shift();
      if (next === undefined) return;
      slot.used++;
      next.settle(true);
    }
  }

  #recalled({ limit, key, keep }: SlotRecall, slot: Slot | undefined): void {
    if (slot !== undefined && keep !== undefined) slot.keep = keep;
    this.#giveBack(limit, key, slot, keep);
  }

  /** Gives back what is not in use, down to `keep`. */
  #giveBack(limit: string, key: string, slot: Slot | undefined, keep = 0): void {
    const slots = slot === undefined ? 0 : Math.max(0, slot.held - Math.max(slot.used, keep));
    if (slot !== undefined) slot.held -= slots;
    this.#options.send({ kind: 'slot-return', limit, key, slots });
  }

  /** No answer will come: the worker's own share decides. */
  #giveUp(slot: Slot): void {
    this.#forgetAsk(slot);
    for (const waiter of slot.waiters.splice(0)) waiter.settle(this.#ownShare(slot, waiter.max));
  }

  #forgetAsk(slot: Slot): void {
    slot.ask?.timer.cancel();
    slot.ask = undefined;
  }

  #ownShare(slot: Slot, max: number): boolean {
    if (slot.used >= Math.max(slot.held, this.#options.share(max))) return false;
    slot.used++;
    return true;
  }

  #sweep(): void {
    const { clock, slotIdleMs } = this.#options;
    const nowMs = clock.monotonic();
    for (const [id, slot] of this.#slots) {
      if (slot.ask !== undefined || slot.waiters.length > 0 || nowMs < slot.usedAtMs + slotIdleMs) continue;
      if (slot.held > slot.used) this.#giveBack(slot.limit, slot.key, slot);
      if (slot.used === 0) this.#slots.delete(id);
    }
  }
}

const idOf = (limit: string, key: string): string => `${limit}\n${key}`;
