import { randomFillSync } from 'node:crypto';

/** A 64-bit keyed hash of strings. The result lies in `low` and `high` until the next call, so that nothing is allocated. */
export interface KeyedHash {
  low: number;
  high: number;
  hash(seed: number, text: string): void;
}

/**
 * HalfSipHash-2-4 (Aumasson, Bernstein) with 64 bits of output, over the UTF-16 code units of `text`, two to a word.
 * The key is secret and drawn at start: whoever chooses the strings can neither pile them onto one bucket of a
 * table nor find two that are taken for one.
 */
export function createKeyedHash(key: Uint32Array = randomFillSync(new Uint32Array(2))): KeyedHash {
  const k0 = (key[0] as number) | 0;
  const k1 = (key[1] as number) | 0;
  const state = new Int32Array(4);
  return {
    low: 0,
    high: 0,
    hash(seed, text) {
      state[0] = k0 ^ seed;
      state[1] = k1;
      state[2] = 0x6c796765 ^ k0;
      state[3] = 0x74656462 ^ k1 ^ 0xee;
      absorb(state, text);
      state[2] = (state[2] as number) ^ 0xee;
      rounds(state, 4);
      this.low = ((state[1] as number) ^ (state[3] as number)) >>> 0;
      state[1] = (state[1] as number) ^ 0xdd;
      rounds(state, 4);
      this.high = ((state[1] as number) ^ (state[3] as number)) >>> 0;
    },
  };
}

function absorb(state: Int32Array, text: string): void {
  const { length } = text;
  const even = length & ~1;
  for (let at = 0; at < even; at += 2) word(state, text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16));
  if (length > even) word(state, text.charCodeAt(even));
  word(state, length);
}

function word(state: Int32Array, value: number): void {
  state[3] = (state[3] as number) ^ value;
  rounds(state, 2);
  state[0] = (state[0] as number) ^ value;
}

function rounds(state: Int32Array, count: number): void {
  let v0 = state[0] as number;
  let v1 = state[1] as number;
  let v2 = state[2] as number;
  let v3 = state[3] as number;
  for (let round = 0; round < count; round++) {
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
  }
  state[0] = v0;
  state[1] = v1;
  state[2] = v2;
  state[3] = v3;
}
