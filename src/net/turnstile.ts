/**
 * Lets `perTurn` of a crowd through in each turn of the event loop; the rest wait, first come, first served. What a turn does, everybody waits
 * for who is served already: what is dear for each and may be asked for by thousands at once goes through here. Nobody who has passed
 * keeps a place, so that one who then does nothing holds nobody up.
 */
export class Turnstile<T> {
  readonly #perTurn: number;
  readonly #pass: (item: T) => void;
  #waiting: T[] = [];
  /** Of `waiting`, the first that has not passed. */
  #next = 0;
  #passed = 0;
  #isTurnWatched = false;

  constructor(perTurn: number, pass: (item: T) => void) {
    this.#perTurn = perTurn;
    this.#pass = pass;
  }

  /** Passes now, where this turn has room, or in a turn to come. */
  enter(item: T): void {
    if (this.#passed < this.#perTurn) this.#let(item);
    else this.#waiting.push(item);
  }

  #let(item: T): void {
    this.#passed++;
    if (!this.#isTurnWatched) {
      this.#isTurnWatched = true;
      setImmediate(this.#turnEnded);
    }
    this.#pass(item);
  }

  readonly #turnEnded = (): void => {
    this.#isTurnWatched = false;
    this.#passed = 0;
    while (this.#passed < this.#perTurn && this.#next < this.#waiting.length)
      this.#let(this.#waiting[this.#next++] as T);
    if (this.#next < this.#waiting.length) return;
    this.#waiting = [];
    this.#next = 0;
  };
}
