/** Lets so many questions at once through to the shared counters; more wait for their turn, in order. */
export interface Lane {
  /**
   * Resolves with what `question` gives, once it was its turn; with undefined where the lane was cleared meanwhile.
   * Rejects as `question` does, and at once where too many wait.
   */
  ask<T>(question: () => Promise<T>): Promise<T | undefined>;
  /** Nobody waits any more: each gets undefined. */
  clear(): void;
}

/** A lane in which `width` questions are under way at once, and at most `longest` wait. */
export function createLane(width: number, longest: number): Lane {
  let underWay = 0;
  let waiting: ((isTurn: boolean) => void)[] = [];
  // Taken by position: shifting a long array each time would cost more than the questions.
  let first = 0;
  const turn = (): Promise<boolean> => {
    if (waiting.length - first >= longest) throw new Error(`${longest} questions wait for an answer`);
    return new Promise((resume) => waiting.push(resume));
  };
  const end = (): void => {
    const next = waiting[first++];
    // The place of the one that ended passes on, before anybody new can take it.
    if (next === undefined) underWay--;
    else next(true);
    if (first < waiting.length) return;
    waiting = [];
    first = 0;
  };
  return {
    async ask(question) {
      if (underWay < width) underWay++;
      else if (!(await turn())) return undefined;
      try {
        return await question();
      } finally {
        end();
      }
    },
    clear() {
      const all = waiting.slice(first);
      waiting = [];
      first = 0;
      for (const resume of all) resume(false);
    },
  };
}
