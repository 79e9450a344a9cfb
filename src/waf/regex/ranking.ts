import { opcodes, type Program } from './program.ts';

// `\{\{[^}]{0,200}self`: each `{{` of a text begins a count of its own, and an automaton that keeps all of them has as many states as there
// are sets of counts. Of two places that differ in the count alone, one takes every text that the other takes: the other need not be kept.
// What is left is one count for each repetition, so the states are few whatever the text holds.

/** Tells which places need not be kept beside others. */
export interface Ranking {
  /** Without those that a better one stands beside. Each place occurs once. */
  best(places: readonly number[]): number[];
}

/** Per place: pairs of a number that the same places of all copies share, and the copy's rank, the best being 0. */
type Ranks = (number[] | undefined)[];

function ranksOf({ op, copies }: Program): { readonly ranks: Ranks; readonly families: number } {
  const ranks: Ranks = [];
  let families = 0;
  for (const { from, length, count, best } of copies) {
    for (let place = from; place < from + length * count; place += 1) {
      if (op[place] !== opcodes.set) continue;
      const copy = Math.floor((place - from) / length);
      (ranks[place] ??= []).push(families + ((place - from) % length), best === 'first' ? copy : count - 1 - copy);
    }
    families += length;
  }
  return { ranks, families };
}

/** Undefined where nothing in the program is ranked. */
export function createRanking(program: Program): Ranking | undefined {
  if (program.copies.length === 0) return undefined;
  const { ranks, families } = ranksOf(program);
  const bestRank = new Int32Array(families);
  const note = (place: number): void => {
    const own = ranks[place];
    if (own === undefined) return;
    for (let pair = 0; pair < own.length; pair += 2)
      if (own[pair + 1]! < bestRank[own[pair]!]!) bestRank[own[pair]!] = own[pair + 1]!;
  };
  const isBest = (place: number): boolean => {
    const own = ranks[place];
    if (own === undefined) return true;
    for (let pair = 0; pair < own.length; pair += 2) if (own[pair + 1]! > bestRank[own[pair]!]!) return false;
    return true;
  };
  const forget = (place: number): void => {
    const own = ranks[place];
    if (own !== undefined) for (let pair = 0; pair < own.length; pair += 2) bestRank[own[pair]!] = unranked;
  };
  bestRank.fill(unranked);
  return {
    best(places) {
      places.forEach(note);
      const kept = places.filter(isBest);
      places.forEach(forget);
      return kept;
    },
  };
}

const unranked = 0x7fffffff;
