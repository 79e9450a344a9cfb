import type { Clock } from '../core/clock.ts';

/** One step of a chain. Undefined lets the request pass; anything else ends the chain with that outcome. */
export interface Filter<X, O> {
  readonly name: string;
  run(x: X): O | undefined | Promise<O | undefined>;
}

/** Told how long each filter took, in running order, where a caller asks for it. */
export type FilterTiming = (filter: string, durationMs: number) => void;

export interface FilterChain<X, O> {
  /** Names in running order. */
  readonly names: readonly string[];
  /**
   * Runs the filters in order up to the first that gives an outcome. No promise is made unless a filter makes one. What a
   * filter throws is the caller's to handle: thrown, or rejected with.
   */
  run(x: X, timing?: FilterTiming): O | undefined | Promise<O | undefined>;
}

/** Compiles a chain once, so that a request only runs it. `clock` measures, where timing is asked for. */
export function compileChain<X, O>(filters: readonly Filter<X, O>[], clock: Clock): FilterChain<X, O> {
  const steps = filters.slice();

  const runFrom = (x: X, first: number): O | undefined | Promise<O | undefined> => {
    for (let at = first; at < steps.length; at++) {
      const outcome = (steps[at] as Filter<X, O>).run(x);
      if (outcome === undefined) continue;
      if (!(outcome instanceof Promise)) return outcome;
      return outcome.then((settled) => (settled === undefined ? runFrom(x, at + 1) : settled));
    }
    return undefined;
  };

  const runTimed = async (x: X, timing: FilterTiming): Promise<O | undefined> => {
    for (const step of steps) {
      const startedAt = clock.monotonic();
      try {
        const pending = step.run(x);
        const outcome = pending instanceof Promise ? await pending : pending;
        if (outcome !== undefined) return outcome;
      } finally {
        timing(step.name, clock.monotonic() - startedAt);
      }
    }
    return undefined;
  };

  return {
    names: steps.map(({ name }) => name),
    run: (x, timing) => (timing === undefined ? runFrom(x, 0) : runTimed(x, timing)),
  };
}
