import { randomInt } from 'node:crypto';
import type { Clock, Timer } from '../core/clock.ts';
import { renewalPoints } from './config.ts';

/** Anything that expires and can be had anew: an SVID with its key, a token, a server certificate. */
export interface Credential {
  /** Epoch milliseconds. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** A renewal that does not happen. */
export interface Stall {
  /** When the credential in use ends; undefined where there was never one. */
  readonly notAfterMs: number | undefined;
  /** Part of its life that is over: from 0.65 on, 1 and more once it has expired. 1 where there was never one. */
  readonly elapsed: number;
  /** Attempts that failed in a row. */
  readonly failures: number;
  /** What the last of them threw. */
  readonly cause: unknown;
}

/** What a rotator works with. */
export interface RotatorOptions<T extends Credential> {
  readonly clock: Clock;
  /** Gets a new credential, with a key of its own. May throw: it is asked again. */
  readonly obtain: () => Promise<T>;
  /** A new credential is in force. Must not throw. */
  readonly onRotated?: (credential: T) => void;
  /** No renewal past 65 % of life, and again once expired; or no first one within 30 s. Told once each. Must not throw. */
  readonly onStalled?: (stall: Stall) => void;
  /** The credential to begin with, as from a disk. */
  readonly initial?: T;
  /** How long `obtain` may take. Default: 30,000. */
  readonly obtainTimeoutMs?: number;
  /** A number from 0 up to 1. Default: unpredictable. */
  readonly random?: () => number;
}

/** Keeps a credential fresh. */
export interface Rotator<T extends Credential> {
  /** The credential in use. It is kept for as long as nothing better was had, be it expired. */
  current(): T | undefined;
  /** The credential once there is one. */
  ready(): Promise<T>;
  /** Renews now: its authority is tainted, or its key may be known to others. Ends when the attempt has. */
  renew(): Promise<void>;
  /**
   * The issuer is within reach again: forgets the back-off, gives an attempt up that waits for an answer which cannot come
   * any more, and asks anew at once where a renewal is due.
   */
  retry(): void;
  stop(): void;
}

// The wall clock may jump and a laptop may sleep, and a timer notices neither: so it is short, and each time the wall
// clock is looked at anew. A short-lived credential is looked at at least 64 times in its life.
const longestLookMs = 30_000;
const looksPerLife = 64;
const firstRetryMs = 1000;
// The issuer may be starting up as we are.
const firstPatienceMs = 30_000;
const defaultObtainTimeoutMs = 30_000;
const steps = 2 ** 32;

/**
 * Renews a credential at half of its life, a little earlier or later so that not all workloads ask at once, and goes on
 * with the one that it has when that fails: retrying ever more slowly, but at least 20 times in a life, and alerting past 65 %.
 */
export function createRotator<T extends Credential>(options: RotatorOptions<T>): Rotator<T> {
  return new CredentialRotator(options);
}

class CredentialRotator<T extends Credential> implements Rotator<T> {
  readonly #options: RotatorOptions<T>;
  readonly #random: () => number;
  readonly #startedAtMonotonic: number;
  #credential: T | undefined;
  #dueAtMs = 0;
  #adoptedAtMs = 0;
  #failures = 0;
  #cause: unknown;
  #retryAtMonotonic = Number.NEGATIVE_INFINITY;
  #told: 'nothing' | 'stalled' | 'expired' = 'nothing';
  #attempt: Promise<void> | undefined;
  #timer: Timer | undefined;
  #stopped = false;
  readonly #ready = Promise.withResolvers<T>();

  constructor(options: RotatorOptions<T>) {
    this.#options = options;
    this.#random = options.random ?? (() => randomInt(steps) / steps);
    this.#startedAtMonotonic = options.clock.monotonic();
    if (options.initial !== undefined) this.#adopt(options.initial);
    this.#look();
  }

  current(): T | undefined {
    return this.#credential;
  }

  ready(): Promise<T> {
    return this.#ready.promise;
  }

  renew(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    this.#attempt ??= this.#obtain();
    return this.#attempt;
  }

  retry(): void {
    this.#attempt = undefined;
    this.#retryAtMonotonic = Number.NEGATIVE_INFINITY;
    if (!this.#stopped && this.#isDue(this.#options.clock.now())) void this.renew();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #look(): void {
    if (this.#stopped) return;
    const { clock } = this.#options;
    this.#alert(clock.now());
    if (this.#isDue(clock.now()) && clock.monotonic() >= this.#retryAtMonotonic) void this.renew();
    this.#timer = clock.after(this.#lookAgainMs(), () => this.#look());
  }

  // Before its beginning too: the wall clock was set back, and a credential of the new time is needed. A clock that merely
  // lags behind the issuer's saw that beginning in the future from the first, and asks no oftener for it.
  #isDue(nowMs: number): boolean {
    const credential = this.#credential;
    if (credential === undefined || nowMs >= this.#dueAtMs) return true;
    return nowMs < Math.min(credential.notBeforeMs, this.#adoptedAtMs);
  }

  #lookAgainMs(): number {
    if (this.#credential === undefined) return firstRetryMs;
    return Math.min(longestLookMs, Math.max(firstRetryMs, lifeOf(this.#credential) / looksPerLife));
  }

  #obtain(): Promise<void> {
    const attempt: Promise<void> = this.#ask().then((cause) => {
      // Another may have taken its place: then how this one failed says nothing.
      if (this.#attempt !== attempt) return;
      this.#attempt = undefined;
      if (cause !== undefined) this.#fail(cause.error);
    });
    return attempt;
  }

  /** Asks once; gives what went wrong. */
  async #ask(): Promise<{ readonly error: unknown } | undefined> {
    try {
      const credential = await this.#withinTime(this.#options.obtain());
      if (this.#stopped) return undefined;
      if (credential.notAfterMs <= this.#options.clock.now()) throw new Error('the new credential has expired already');
      this.#adopt(credential);
      this.#options.onRotated?.(credential);
      return undefined;
    } catch (error) {
      return { error };
    }
  }

  #adopt(credential: T): void {
    this.#credential = credential;
    this.#adoptedAtMs = this.#options.clock.now();
    this.#failures = 0;
    this.#cause = undefined;
    this.#told = 'nothing';
    this.#retryAtMonotonic = Number.NEGATIVE_INFINITY;
    // Half of life, less up to a tenth of it: earlier rather than later leaves time for what goes wrong.
    const part = renewalPoints.due - 0.1 * this.#random();
    this.#dueAtMs = credential.notBeforeMs + lifeOf(credential) * part;
    this.#ready.resolve(credential);
  }

  #fail(cause: unknown): void {
    this.#failures++;
    this.#cause = cause;
    const ceilingMs =
      this.#credential === undefined ? longestLookMs : Math.max(firstRetryMs, lifeOf(this.#credential) / 20);
    const backOffMs = Math.min(ceilingMs, firstRetryMs * 2 ** Math.min(20, this.#failures - 1));
    this.#retryAtMonotonic = this.#options.clock.monotonic() + backOffMs * (0.5 + this.#random() / 2);
  }

  #alert(nowMs: number): void {
    const credential = this.#credential;
    if (this.#failures === 0) return;
    const elapsed =
      credential === undefined ? this.#elapsedWithout() : (nowMs - credential.notBeforeMs) / lifeOf(credential);
    const state = elapsed >= 1 ? 'expired' : elapsed >= renewalPoints.stalled ? 'stalled' : 'nothing';
    if (state === 'nothing' || state === this.#told || this.#told === 'expired') return;
    this.#told = state;
    this.#options.onStalled?.({
      notAfterMs: credential?.notAfterMs,
      elapsed,
      failures: this.#failures,
      cause: this.#cause,
    });
  }

  #elapsedWithout(): number {
    return this.#options.clock.monotonic() - this.#startedAtMonotonic >= firstPatienceMs ? 1 : 0;
  }

  #withinTime(obtained: Promise<T>): Promise<T> {
    const { clock, obtainTimeoutMs = defaultObtainTimeoutMs } = this.#options;
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = clock.after(obtainTimeoutMs, () => reject(new Error('the new credential did not come in time')));
    return Promise.race([obtained, promise]).finally(() => timer.cancel());
  }
}

function lifeOf({ notBeforeMs, notAfterMs }: Credential): number {
  return notAfterMs - notBeforeMs;
}
