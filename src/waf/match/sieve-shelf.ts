import type { Requirements } from '../regex/requirements.ts';
import { buildSieve, type Sieve } from './sieve.ts';

/** Sieves by what they sift, so that routes on which the same rules run share one. */
export interface SieveShelf {
  /** The sieve of these patterns; `key` tells them from all others. */
  take(key: string, patterns: readonly Requirements[]): Sieve;
  /** A number for a watch that no other has. */
  nextWatch(): number;
}

export function createSieveShelf(): SieveShelf {
  const sieves = new Map<string, Sieve>();
  let watches = 0;
  return {
    take(key, patterns) {
      const known = sieves.get(key);
      if (known !== undefined) return known;
      const sieve = buildSieve(sieves.size, patterns);
      sieves.set(key, sieve);
      return sieve;
    },
    nextWatch: () => watches++,
  };
}
