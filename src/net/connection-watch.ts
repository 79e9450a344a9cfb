import type { HttpLimits } from './config.ts';

/** How long a client may take to notice that we closed, how much it may send meanwhile, and how long a reply to one who ended its side may take. */
export const lingerMs = 2000;
export const lingerBytes = 1_048_576;
export const halfOpenMs = 10_000;

const rateGraceMs = 10_000;
/** A client that asks at all asks sooner: what is kept to read its next head sooner is let go. */
const restMs = 2000;

/**
 * What a sweep must remember of a connection to hold it to its time bounds. All of it is measured from sweep to sweep, so that a
 * request does not pay for it; a bound is met at most one sweep late.
 */
export class ConnectionWatch {
  readonly #limits: HttpLimits;
  #sweptAt = 0;
  #idleSince = 0;
  #stalledSince = 0;
  #bodyWaitMs = 0;
  #bodyIdleMs = 0;
  #bodySeen = 0;

  constructor(limits: HttpLimits) {
    this.#limits = limits;
  }

  /** A sweep begins; gives the time since the last one. */
  tick(nowMs: number): number {
    const passedMs = nowMs - (this.#sweptAt || nowMs);
    this.#sweptAt = nowMs;
    return passedMs;
  }

  requestBegan(): void {
    this.#idleSince = 0;
    this.#bodyWaitMs = 0;
    this.#bodyIdleMs = 0;
    this.#bodySeen = 0;
  }

  drained(): void {
    this.#stalledSince = 0;
  }

  /** Whether no request came for too long. */
  isIdleTooLong(nowMs: number): boolean {
    this.#idleSince ||= nowMs;
    return nowMs - this.#idleSince >= this.#limits.idleTimeMs;
  }

  /** Whether no request came for a while. Asked after `isIdleTooLong`. */
  isAtRest(nowMs: number): boolean {
    return nowMs - this.#idleSince >= restMs;
  }

  /** Whether the client has taken nothing of the `waitingBytes` for too long. */
  isStalledTooLong(nowMs: number, waitingBytes: number): boolean {
    if (waitingBytes === 0) this.#stalledSince = 0;
    else this.#stalledSince ||= nowMs;
    return this.#stalledSince !== 0 && nowMs - this.#stalledSince >= this.#limits.writeIdleMs;
  }

  /** Whether a body that is wanted, of which `received` bytes came, has stopped or trickles. Only time in which we read counts. */
  isBodyTooSlow(passedMs: number, received: number): boolean {
    const { bodyIdleMs, bodyMinBytesPerSecond } = this.#limits;
    this.#bodyIdleMs = received === this.#bodySeen ? this.#bodyIdleMs + passedMs : 0;
    this.#bodySeen = received;
    this.#bodyWaitMs += passedMs;
    if (this.#bodyIdleMs >= bodyIdleMs) return true;
    return this.#bodyWaitMs > rateGraceMs && (received * 1000) / this.#bodyWaitMs < bodyMinBytesPerSecond;
  }
}
