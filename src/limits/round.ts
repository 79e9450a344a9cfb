/** Visits things one after another; of visits that take time, only so many are under way at once. */
export interface Round<T> {
  /** Begins a round over `all`; nothing where the last one is still on its way. */
  start(all: Iterable<T>): void;
  /** Visits `one` as soon as there is room for it, before the rest of the round. */
  add(one: T): void;
}

/**
 * A round of visits, `width` at once at most; `visit` gives undefined where there was nothing to wait for, and never
 * rejects. What would ask thousands of questions in one turn asks as fast as they are answered, so that nobody who asks
 * for one thing waits behind all the others.
 */
export function createRound<T>(width: number, visit: (one: T) => Promise<unknown> | undefined): Round<T> {
  const soon = new Set<T>();
  let rest: Iterator<T> | undefined;
  let underWay = 0;
  let isGoing = false;
  const next = (): T | undefined => {
    for (const one of soon) {
      soon.delete(one);
      return one;
    }
    const { value, done = true } = rest?.next() ?? {};
    if (done) rest = undefined;
    return done ? undefined : value;
  };
  const go = (): void => {
    // A visit may add another one.
    if (isGoing) return;
    isGoing = true;
    while (underWay < width) {
      const one = next();
      if (one === undefined) break;
      const visited = visit(one);
      if (visited === undefined) continue;
      underWay++;
      void visited.then(() => {
        underWay--;
        go();
      });
    }
    isGoing = false;
  };
  return {
    start(all) {
      if (rest !== undefined) return;
      rest = all[Symbol.iterator]();
      go();
    },
    add(one) {
      soon.add(one);
      go();
    },
  };
}
