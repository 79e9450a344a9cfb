/** How many things of one kind run at once for one key. Each acquire that gave true needs one release. */
export interface ConcurrencyLimiter {
  /** False: `max` already run. A promise comes only where others must be asked. */
  acquire(limitId: string, key: string, max: number): boolean | Promise<boolean>;
  release(limitId: string, key: string): void;
  /** How many keys have something running. */
  readonly size: number;
}

/** One that never has to ask. */
export interface LocalConcurrencyLimiter extends ConcurrencyLimiter {
  acquire(limitId: string, key: string, max: number): boolean;
}

/** Counts what runs in this process. Memory is bounded by what runs: a key without anything running costs nothing. */
export function createConcurrencyLimiter(): LocalConcurrencyLimiter {
  const running = new Map<string, number>();
  const idOf = (limitId: string, key: string): string => `${limitId}\n${key}`;
  return {
    acquire(limitId, key, max) {
      const id = idOf(limitId, key);
      const count = running.get(id) ?? 0;
      if (count >= max) return false;
      running.set(id, count + 1);
      return true;
    },
    release(limitId, key) {
      const id = idOf(limitId, key);
      const count = running.get(id) ?? 0;
      if (count > 1) running.set(id, count - 1);
      else running.delete(id);
    },
    get size() {
      return running.size;
    },
  };
}

/**
 * The part of a concurrency limit that one of `workers` processes enforces, numbered from 0, while it has nobody to ask. The parts
 * make up the limit exactly, save that each worker lets at least one run.
 */
export function concurrencyShare(max: number, workers: number, worker: number): number {
  const extra = worker < max % workers ? 1 : 0;
  return Math.max(1, Math.floor(max / workers) + extra);
}
