import type { Clock, Timer } from '../core/clock.ts';
import { addressKey } from './address.ts';
import { defaultLoginThrottleOptions, type LoginThrottleOptions } from './config.ts';
import type { LoginCounter, LoginState } from './ports.ts';

/** Whether a login may be tried now. */
export interface LoginVerdict {
  readonly allowed: boolean;
  /** 0 where it may. */
  readonly retryAfterMs: number;
}

/** Slows down guessing of passwords, by account and by address. */
export interface LoginThrottle {
  /** Brings back what was saved. Call once, before the first attempt. */
  restore(): Promise<void>;
  /**
   * To be called before the password is looked at. Counts the attempt as failed at once: whoever sends a thousand
   * together is stopped before the first is found wrong.
   */
  attempt(account: string, remoteAddress: string): LoginVerdict;
  /** The password was right: clears the account and the pair, and takes the attempt off the address. */
  succeeded(account: string, remoteAddress: string): void;
  /** The password was not looked at after all: takes the attempt off again. */
  undone(account: string, remoteAddress: string): void;
  /** Saves what has changed, then stops. */
  stop(): Promise<void>;
}

/** `onSaveFailure`: saving is tried again with the next change. */
export interface LoginThrottleSetup extends Partial<LoginThrottleOptions> {
  readonly clock: Clock;
  readonly state: LoginState;
  readonly onSaveFailure?: (error: unknown) => void;
}

/**
 * Exponential back-off. Three counters: the account, the address (an IPv6 one by its /64), and the pair. Where the account
 * logged in from this address before, the account's own counter is not asked: a stranger who guesses cannot lock
 * the owner out of the places where they are known.
 */
export function createLoginThrottle(setup: LoginThrottleSetup): LoginThrottle {
  return new Throttle(setup);
}

/** Counters that are looked at to find room for one. */
const mostLooked = 64;

interface Counter {
  failures: number;
  lastMs: number;
}

class Throttle implements LoginThrottle {
  readonly #setup: LoginThrottleOptions & LoginThrottleSetup;
  // In order of their last change, so that the oldest stands first.
  readonly #counters = new Map<string, Counter>();
  #changed = new Set<string>();
  #saving: Promise<void> = Promise.resolve();
  readonly #saver: Timer;

  constructor(setup: LoginThrottleSetup) {
    this.#setup = { ...defaultLoginThrottleOptions, ...setup };
    this.#saver = setup.clock.every(this.#setup.saveMs, () => void this.#save());
  }

  async restore(): Promise<void> {
    const saved = await this.#setup.state.load();
    for (const { key, failures, lastMs } of [...saved].sort((a, b) => a.lastMs - b.lastMs)) {
      this.#counters.set(key, { failures, lastMs });
    }
    this.#makeRoom();
  }

  attempt(account: string, remoteAddress: string): LoginVerdict {
    const { freeFailures, freeFailuresPerAddress } = this.#setup;
    const [accountKey, ip, pair, known] = keysOf(account, remoteAddress);
    const personal = this.#isKnown(known) ? pair : accountKey;
    const retryAfterMs = Math.max(
      this.#waitMs(personal, freeFailures),
      this.#waitMs(pair, freeFailures),
      this.#waitMs(ip, freeFailuresPerAddress),
    );
    if (retryAfterMs > 0) return { allowed: false, retryAfterMs };
    for (const key of new Set([personal, pair, ip])) this.#add(key, 1);
    return { allowed: true, retryAfterMs: 0 };
  }

  succeeded(account: string, remoteAddress: string): void {
    const [accountKey, ip, pair, known] = keysOf(account, remoteAddress);
    // A known place clears only its own count: guesses from elsewhere still stand against the account.
    this.#clear(pair);
    if (!this.#isKnown(known)) this.#clear(accountKey);
    if ((this.#counters.get(ip)?.failures ?? 0) > 0) this.#add(ip, -1);
    this.#set(known, { failures: 1, lastMs: this.#setup.clock.now() });
  }

  undone(account: string, remoteAddress: string): void {
    const [accountKey, ip, pair, known] = keysOf(account, remoteAddress);
    for (const key of new Set([this.#isKnown(known) ? pair : accountKey, pair, ip]))
      if ((this.#counters.get(key)?.failures ?? 0) > 0) this.#add(key, -1);
  }

  async stop(): Promise<void> {
    this.#saver.cancel();
    await this.#save();
  }

  #isKnown(key: string): boolean {
    const counter = this.#counters.get(key);
    return counter !== undefined && this.#setup.clock.now() - counter.lastMs < this.#setup.knownMs;
  }

  #waitMs(key: string, freeFailures: number): number {
    const { baseMs, maxMs, forgetMs, clock } = this.#setup;
    const counter = this.#counters.get(key);
    if (counter === undefined || counter.failures < freeFailures) return 0;
    const quietMs = clock.now() - counter.lastMs;
    if (quietMs >= forgetMs) return 0;
    const backOffMs = Math.min(maxMs, baseMs * 2 ** Math.min(40, counter.failures - freeFailures));
    // A clock set back must not make the wait longer than it ever was.
    return Math.min(backOffMs, Math.max(0, backOffMs - quietMs));
  }

  #add(key: string, by: number): void {
    const nowMs = this.#setup.clock.now();
    const counter = this.#counters.get(key);
    const stale = counter === undefined || nowMs - counter.lastMs >= this.#setup.forgetMs;
    this.#set(key, {
      failures: Math.max(0, (stale ? 0 : counter.failures) + by),
      lastMs: by > 0 || stale ? nowMs : counter.lastMs,
    });
  }

  #set(key: string, counter: Counter): void {
    this.#counters.delete(key);
    this.#counters.set(key, counter);
    this.#changed.add(key);
    this.#makeRoom();
  }

  #clear(key: string): void {
    if (this.#counters.delete(key)) this.#changed.add(key);
  }

  /**
   * Of the counters that have been quiet for longest, those go first that make nobody wait and mark no place as known: a
   * flood of other names does not clear the counter of the one that is guessed at. Where all of them count, the oldest goes.
   */
  #makeRoom(): void {
    while (this.#counters.size > this.#setup.maxKeys) {
      let looked = 0;
      let victim: string | undefined;
      for (const [key, counter] of this.#counters) {
        if (++looked > mostLooked) break;
        if (this.#isDispensable(key, counter)) {
          victim = key;
          break;
        }
        // It stays, and the next look begins behind it.
        this.#counters.delete(key);
        this.#counters.set(key, counter);
      }
      victim ??= this.#counters.keys().next().value;
      this.#clear(victim as string);
    }
  }

  #isDispensable(key: string, { failures, lastMs }: Counter): boolean {
    const { freeFailures, freeFailuresPerAddress, forgetMs, clock } = this.#setup;
    if (key.startsWith('known/')) return !this.#isKnown(key);
    const free = key.startsWith('ip/') ? freeFailuresPerAddress : freeFailures;
    return failures < free || clock.now() - lastMs >= forgetMs;
  }

  #save(): Promise<void> {
    this.#saving = this.#saving.then(() => this.#saveChanged());
    return this.#saving;
  }

  async #saveChanged(): Promise<void> {
    if (this.#changed.size === 0) return;
    const keys = this.#changed;
    this.#changed = new Set();
    const counters = [...keys].map((key): LoginCounter => {
      const { failures, lastMs } = this.#counters.get(key) ?? { failures: 0, lastMs: 0 };
      const keptMs = key.startsWith('known/') ? this.#setup.knownMs : this.#setup.forgetMs;
      return { key, failures, lastMs, expiresAtMs: lastMs + keptMs };
    });
    await this.#setup.state.save(counters).catch((error: unknown) => {
      for (const key of keys) this.#changed.add(key);
      this.#setup.onSaveFailure?.(error);
    });
  }
}

/** Keys of the account's, the address's and the pair's counter, and of the mark that the pair is known. */
function keysOf(account: string, remoteAddress: string): [account: string, ip: string, pair: string, known: string] {
  const name = account.slice(0, 256).toLowerCase();
  const ip = addressKey(remoteAddress);
  return [`account/${name}`, `ip/${ip}`, `pair/${ip}/${name}`, `known/${ip}/${name}`];
}
