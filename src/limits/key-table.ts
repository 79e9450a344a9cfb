import { createKeyedHash, type KeyedHash } from './keyed-hash.ts';

const ways = 8;

/**
 * One number (a time) for each of very many keys, in typed arrays, within a fixed bound. A key is found by a keyed
 * 64-bit hash; it has two buckets of eight places, and a newcomer goes to the emptier one. It costs 20 bytes, and a third
 * more for the table's slack, whatever the key is: 27 MB for a million.
 *
 * A place whose time has come (`time <= now`) means the same as no entry, so nothing is ever swept. Where a newcomer
 * finds 16 busy places it replaces the one with most to spare, unless all 16 are limited.
 * INVARIANT: a limited key is never forgotten.
 */
export class KeyTable {
  readonly hasher: KeyedHash = createKeyedHash();
  readonly #buckets: number;
  readonly #lows: Uint32Array;
  readonly #highs: Uint32Array;
  readonly #times: Float64Array;
  /** How far ahead the time of a key may lie before the key counts as limited. */
  readonly #spans: Float32Array;
  forgotten = 0;

  constructor(maxKeys: number) {
    this.#buckets = Math.max(2, Math.ceil(maxKeys / 0.75 / ways));
    const slots = this.#buckets * ways;
    this.#lows = new Uint32Array(slots);
    this.#highs = new Uint32Array(slots);
    this.#times = new Float64Array(slots);
    this.#spans = new Float32Array(slots);
  }

  get bytes(): number {
    return this.#times.length * 20;
  }

  /** The slot of `key` in the name space `seed`, or -1. `claim` speaks of the same key until the next call. */
  find(seed: number, key: string): number {
    this.hasher.hash(seed, key);
    const slot = this.#findIn(this.#bucket(this.hasher.low));
    return slot >= 0 ? slot : this.#findIn(this.#bucket(this.hasher.high));
  }

  time(slot: number): number {
    return this.#times[slot] as number;
  }

  /** A slot for the key that `find` did not find, or -1 where 16 limited keys hold its places. */
  claim(now: number): number {
    const first = this.#bucket(this.hasher.low);
    const second = this.#bucket(this.hasher.high);
    const slot = this.#claimFree(first, second, now);
    return slot >= 0 ? slot : this.#evict(first, second, now);
  }

  /** Gives the slot to the key that was last looked for. */
  set(slot: number, time: number, limitedSpan: number): void {
    this.#lows[slot] = this.hasher.low;
    this.#highs[slot] = this.hasher.high;
    this.#times[slot] = time;
    this.#spans[slot] = limitedSpan;
  }

  #bucket(hash: number): number {
    return Math.floor((hash * this.#buckets) / 0x1_0000_0000) * ways;
  }

  #findIn(from: number): number {
    const { low, high } = this.hasher;
    for (let slot = from; slot < from + ways; slot++) {
      if (this.#lows[slot] === low && this.#highs[slot] === high) return slot;
    }
    return -1;
  }

  #claimFree(first: number, second: number, now: number): number {
    const freeFirst = this.#countFree(first, now);
    const freeSecond = this.#countFree(second, now);
    if (freeFirst + freeSecond === 0) return -1;
    let slot = freeFirst >= freeSecond ? first : second;
    while ((this.#times[slot] as number) > now) slot++;
    return slot;
  }

  #countFree(from: number, now: number): number {
    let free = 0;
    for (let slot = from; slot < from + ways; slot++) if ((this.#times[slot] as number) <= now) free++;
    return free;
  }

  #evict(first: number, second: number, now: number): number {
    let victim = first;
    for (let at = 1; at < 2 * ways; at++) {
      const slot = at < ways ? first + at : second + at - ways;
      if (this.#excess(slot, now) < this.#excess(victim, now)) victim = slot;
    }
    if (this.#excess(victim, now) > 0) return -1;
    this.forgotten++;
    return victim;
  }

  /** Negative: the key is not limited, and has so much to spare. */
  #excess(slot: number, now: number): number {
    return (this.#times[slot] as number) - now - (this.#spans[slot] as number);
  }
}
