import { endSymbol, startSymbol } from './char-set.ts';
import { type Automaton, isAnchoredAtStart } from './positions.ts';

const maxStates = 1000;
const asciiSize = 128;

interface State {
  readonly positions: readonly number[];
  readonly accepts: boolean;
  readonly next: (State | undefined)[];
}

/**
 * Matches a pattern in time linear in the text: a deterministic automaton, built as texts demand it. Its memory is
 * bounded; when the bound is reached, what was built is dropped and built again.
 */
export class LinearMatcher {
  readonly #automaton: Automaton;
  readonly #alphabet: Alphabet;
  /** A match may begin anywhere. */
  readonly #floating: boolean;
  readonly #states = new Map<string, State>();
  #initial: State;

  constructor(automaton: Automaton) {
    this.#automaton = automaton;
    this.#alphabet = new Alphabet(automaton);
    this.#floating = !isAnchoredAtStart(automaton);
    this.#initial = this.#begin();
  }

  /** Whether some part of `text` matches, as `RegExp.prototype.test` has it. */
  test(text: string): boolean {
    if (this.#automaton.nullable) return true;
    let state = this.#step(this.#initial, this.#alphabet.classOf(startSymbol));
    for (let at = 0; at < text.length && !state.accepts; at++) {
      const point = text.codePointAt(at) as number;
      if (point > 0xffff) at++;
      if (state.positions.length === 0 && !this.#floating) return false;
      state = this.#step(state, this.#alphabet.classOf(point));
    }
    return state.accepts || this.#step(state, this.#alphabet.classOf(endSymbol)).accepts;
  }

  #begin(): State {
    const state: State = { positions: [-1], accepts: false, next: [] };
    this.#states.clear();
    return state;
  }

  #step(state: State, symbol: number): State {
    return state.next[symbol] ?? this.#build(state, symbol);
  }

  #build(state: State, symbol: number): State {
    const { follow, first, last } = this.#automaton;
    const found = new Set<number>();
    const add = (successors: ReadonlySet<number>): void => {
      for (const position of successors) if (this.#alphabet.accepts(position, symbol)) found.add(position);
    };
    if (this.#floating && state !== this.#initial) add(first);
    for (const position of state.positions) add(position === -1 ? first : (follow[position] as ReadonlySet<number>));
    const positions = [...found].sort((a, b) => a - b);
    const key = positions.join();
    let next = this.#states.get(key);
    if (next === undefined) {
      if (this.#states.size >= maxStates) this.#initial = this.#begin();
      next = { positions, accepts: positions.some((position) => last.has(position)), next: [] };
      this.#states.set(key, next);
    }
    state.next[symbol] = next;
    return next;
  }
}

/** Characters in classes that no position tells apart. */
class Alphabet {
  readonly #starts: readonly number[];
  readonly #classes: readonly number[];
  readonly #ascii = new Uint16Array(asciiSize);
  readonly #members: readonly Uint8Array[];

  constructor({ sets }: Automaton) {
    const distinct = [...new Set(sets)];
    const starts = [
      ...new Set([
        0,
        ...distinct.flatMap((set) => set.flatMap(([first, last]) => [first, last + 1])),
        startSymbol,
        endSymbol,
      ]),
    ];
    this.#starts = starts.sort((a, b) => a - b);
    const byMembership = new Map<string, number>();
    const memberships: string[] = [];
    this.#classes = this.#starts.map((start) => {
      const membership = distinct
        .map((set) => (set.some(([first, last]) => first <= start && start <= last) ? '1' : '0'))
        .join('');
      const known = byMembership.get(membership) ?? memberships.push(membership) - 1;
      byMembership.set(membership, known);
      return known;
    });
    const bySet = new Map(
      distinct.map((set, index) => [set, Uint8Array.from(memberships, (membership) => Number(membership[index]))]),
    );
    this.#members = sets.map((set) => bySet.get(set) as Uint8Array);
    for (let point = 0; point < asciiSize; point++) this.#ascii[point] = this.#search(point);
  }

  classOf(point: number): number {
    return point < asciiSize ? (this.#ascii[point] as number) : this.#search(point);
  }

  accepts(position: number, symbol: number): boolean {
    return (this.#members[position] as Uint8Array)[symbol] === 1;
  }

  #search(point: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] as number) <= point) low = middle;
      else high = middle - 1;
    }
    return this.#classes[low] as number;
  }
}
