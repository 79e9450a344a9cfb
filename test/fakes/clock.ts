import type { Clock, Timer } from '../../src/core/clock.ts';

interface Pending {
  at: number;
  task: () => void;
  periodMs?: number;
}

/** A clock that moves only when told to. */
export class ManualClock implements Clock {
  #nowMs: number;
  readonly #pending = new Set<Pending>();

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  after(delayMs: number, task: () => void): Timer {
    return this.#add({ at: this.#nowMs + Math.max(0, delayMs), task });
  }

  every(periodMs: number, task: () => void): Timer {
    return this.#add({ at: this.#nowMs + periodMs, task, periodMs });
  }

  /** Moves time on by `ms`, running each timer that falls due, in order. */
  advance(ms: number): void {
    const end = this.#nowMs + ms;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#nowMs = next.at;
      if (next.periodMs === undefined) this.#pending.delete(next);
      else next.at += next.periodMs;
      next.task();
    }
    this.#nowMs = end;
  }

  /** As `advance`, in steps, letting promises settle between them. */
  async advanceAsync(ms: number, stepMs = ms): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.advance(Math.min(stepMs, left));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #add(pending: Pending): Timer {
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
  }

  #next(end: number): Pending | undefined {
    let first: Pending | undefined;
    for (const pending of this.#pending) {
      if (pending.at <= end && (first === undefined || pending.at < first.at)) first = pending;
    }
    return first;
  }
}
