import { opcodes, type Program } from './program.ts';

// `\{\{[^}]{0,200}self`: each `{{` of a text begins a count of its own, and an automaton that keeps all of them has as many states as there
// are sets of counts. Of two places that differ in the count alone, one takes every text that the other takes: the other need not be kept.
// What is left is one count for each repetition, so the states are few whatever the text holds.

/** Tells which places need not be kept beside others. */
export interface Ranking {
  /**
   * Moves those of the first `count` places that are to be kept to the front, and says how many; takes the stamp from the others. Places are those
   * behind a byte.
   */
  keepBest(places: Int32Array, count: number, stamp: Uint32Array): number;
}

/** Per place: pairs of a number that the same places of all copies share, and the copy's rank, the best being 0. */
type Ranks = (readonly number[] | undefined)[];

function ranksOf({ op, copies }: Program): { readonly ranks: Ranks; readonly families: number } {
  const ranks: (number[] | undefined)[] = new Array(op.length).fill(undefined);
  let families = 0;
  for (const { from, length, count, best } of copies) {
    for (let place = from; place < from + length * count; place += 1) {
      if (op[place] !== opcodes.set) continue;
      const copy = Math.floor((place - from) / length);
      (ranks[place + 1] ??= []).push(families + ((place - from) % length), best === 'first' ? copy : count - 1 - copy);
    }
    families += length;
  }
  return { ranks, families };
}

const none = 0x7fffffff;

/** Undefined where nothing in the program is ranked. */
export function createRanking(program: Program): Ranking | undefined {
  if (program.copies.length === 0) return undefined;
  const { ranks, families } = ranksOf(program);
  const best = new Int32Array(families).fill(none);
  const note = (own: readonly number[]): void => {
    for (let pair = 0; pair < own.length; pair += 2)
      if (own[pair + 1]! < best[own[pair]!]!) best[own[pair]!] = own[pair + 1]!;
  };
  const isBest = (own: readonly number[]): boolean => {
    for (let pair = 0; pair < own.length; pair += 2) if (own[pair + 1]! > best[own[pair]!]!) return false;
    return true;
  };
  const forget = (own: readonly number[]): void => {
    for (let pair = 0; pair < own.length; pair += 2) best[own[pair]!] = none;
  };
  const each = (places: Int32Array, count: number, act: (own: readonly number[]) => void): void => {
    for (let index = 0; index < count; index += 1) {
      const own = ranks[places[index]!];
      if (own !== undefined) act(own);
    }
  };
  /** Where what is dropped is still to be forgotten, it is behind what is kept. */
  const partition = (places: Int32Array, count: number, stamp: Uint32Array): number => {
    let kept = 0;
    for (let index = 0; index < count; index += 1) {
      const place = places[index]!;
      const own = ranks[place];
      if (own !== undefined && !isBest(own)) {
        stamp[place] = 0;
        continue;
      }
      places[index] = places[kept]!;
      places[kept] = place;
      kept += 1;
    }
    return kept;
  };
  return {
    keepBest(places, count, stamp) {
      each(places, count, note);
      const kept = partition(places, count, stamp);
      each(places, count, forget);
      return kept;
    },
  };
}
