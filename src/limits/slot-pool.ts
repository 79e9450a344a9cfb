/** Where the slots of one key of one concurrency limit come from. */
export interface SlotPool {
  /** How many the workers may hold at once, now. */
  capacity(): number;
  /**
   * Asks for `need` more where the slots come from. Undefined: what is here is all there is; else resolves when there may
   * be more. Never rejects.
   */
  refill?(need: number): Promise<void> | undefined;
  /** Whether it has what no worker holds: of no use here where nobody waits, and to be given back by `tend`. */
  hasUnused?(): boolean;
  /** What others called for (`onWanted`) has been called back from the workers, as far as they did not use it. */
  answer?(): void;
  /** Called now and then. Resolves once what it told is answered; undefined: it had nothing to tell. Never rejects. */
  tend?(): Promise<unknown> | undefined;
  /** Whether forgetting it changes nothing, once no worker holds anything. */
  isIdle(): boolean;
  stop?(): void;
}

/** All slots of a limit are this host's own. `count`: how many there are, read anew each time. */
export function createLocalSlotPool(count: () => number): SlotPool {
  return { capacity: count, isIdle: () => true };
}
