import { createMoves, hasMatched, type Moves, noneBefore } from './moves.ts';
import { opcodes, type Program } from './program.ts';
import { createRanking, type Ranking } from './ranking.ts';
import { work } from './work.ts';

// A deterministic automaton built while it runs (Thompson 1968, as RE2 does it): each byte costs one table look-up once
// its transition is known, and one step of the program's places otherwise. Time is linear in the text whatever it holds;
// the table is bounded and starts anew when it is full. Of a text that leads into ever new states none are kept: places are moved, that is all.

/** Tells whether `text` contains a match. */
export type ContainsMatch = (text: string) => boolean;

const dead = 0;
const matched = 1;
const firstState = 2;
const unknown = -1;
const maxTableCells = 1 << 16;
/** So many states a text may have built for it; more where it is read for so many bytes each. */
const freeStates = 512;
const bytesPerState = 16;

interface State {
  /** Places after the last byte was consumed, before empty moves; in any order. */
  readonly places: Int32Array;
  /** Stands for all that could have come before. */
  readonly before: number;
  /** Another state of the same hash; {@link dead} where there is none. */
  readonly twin: number;
}

/** The automaton as far as it has been built. */
interface Machine {
  readonly moves: Moves;
  readonly anchored: boolean;
  readonly maxStates: number;
  readonly ranking: Ranking | undefined;
  readonly start: State;
  states: (State | undefined)[];
  /** States by hash. */
  index: Map<number, number>;
  /** `table[state * width + class]`. */
  table: Int32Array;
  atEnd: Int8Array;
  /** The places of the state that is being put together, and which ones are in it. */
  next: Int32Array;
  readonly stamp: Uint32Array;
  /** Those of the state before, where states are not kept. */
  current: Int32Array;
  /** States that were put together for the present text. */
  built: number;
  generation: number;
}

function createMachine(program: Program, anchored: boolean): Machine {
  const moves = createMoves(program);
  const { width } = moves;
  const start: State = { places: Int32Array.of(0), before: noneBefore, twin: dead };
  return {
    moves,
    anchored,
    maxStates: Math.max(16, Math.floor(maxTableCells / width)),
    ranking: createRanking(program),
    start,
    states: [undefined, undefined, start],
    index: new Map(),
    table: new Int32Array(width * 8).fill(unknown),
    atEnd: new Int8Array(8).fill(unknown),
    next: new Int32Array(program.op.length),
    stamp: new Uint32Array(program.op.length),
    current: new Int32Array(program.op.length),
    built: 0,
    generation: 0,
  };
}

function reset(machine: Machine): void {
  machine.states = [undefined, undefined, machine.start];
  machine.index = new Map();
  machine.table.fill(unknown);
  machine.atEnd.fill(unknown);
}

function grow(machine: Machine): void {
  const { table, moves, maxStates } = machine;
  machine.table = new Int32Array(Math.min(table.length * 2, (maxStates + 1) * moves.width)).fill(unknown);
  machine.table.set(table);
  const ends = new Int8Array(machine.table.length / moves.width).fill(unknown);
  ends.set(machine.atEnd);
  machine.atEnd = ends;
}

/** Whether a state has the places that are stamped, so many of them. */
function isSame({ stamp, generation }: Machine, { places }: State, count: number): boolean {
  if (places.length !== count) return false;
  for (let index = 0; index < count; index += 1) if (stamp[places[index]!] !== generation) return false;
  return true;
}

/** The state of the first `count` places of `next`. */
function intern(machine: Machine, count: number, before: number): number {
  const { next, states, index } = machine;
  let hash = before;
  // A sum: the order of places does not matter.
  for (let at = 0; at < count; at += 1) hash = (hash + Math.imul(next[at]! + 1, 0x9e3779b1)) | 0;
  hash = (hash ^ (hash >>> 15)) & 0x3fffffff;
  const first = index.get(hash) ?? dead;
  for (let state = first; state !== dead; state = states[state]!.twin)
    if (states[state]!.before === before && isSame(machine, states[state]!, count)) return state;
  const state = states.length;
  states.push({ places: next.slice(0, count), before, twin: first });
  index.set(hash, state);
  if (state * machine.moves.width >= machine.table.length) grow(machine);
  return state;
}

/** A number that no stamp has. */
function nextGeneration(machine: Machine): number {
  if (machine.generation === 0xffffffff) {
    machine.stamp.fill(0);
    machine.generation = 0;
  }
  machine.generation += 1;
  return machine.generation;
}

/**
 * Moves `count` places over a byte, into `next`. Gives how many there are then, or -1 where the program has matched.
 */
function advance(machine: Machine, places: Int32Array, count: number, kind: number, before: number): number {
  const { moves, anchored, next, stamp, ranking } = machine;
  const generation = nextGeneration(machine);
  let found = 0;
  for (let index = 0; index < count; index += 1) {
    const reached = moves.over(places[index]!, kind, before);
    if (reached === hasMatched) return -1;
    for (let at = 0; at < reached.length; at += 1) {
      const one = reached[at]!;
      if (stamp[one] === generation) continue;
      stamp[one] = generation;
      next[found] = one;
      found += 1;
    }
  }
  work.steps += count + found;
  if (ranking !== undefined) found = ranking.keepBest(next, found, stamp);
  if (anchored) return found;
  stamp[0] = generation;
  next[found] = 0;
  return found + 1;
}

function step(machine: Machine, { places, before }: State, kind: number): number {
  const count = advance(machine, places, places.length, kind, before);
  if (count < 0) return matched;
  return count === 0 ? dead : intern(machine, count, machine.moves.before[kind]!);
}

/** Reads the text from `at` on without keeping states. */
function walk(machine: Machine, { places, before: first }: State, text: string, at: number): boolean {
  const { moves } = machine;
  const { classes } = moves;
  machine.current.set(places);
  let count = places.length;
  let before = first;
  for (let place = at; place < text.length && count > 0; place += 1) {
    const kind = classes[text.charCodeAt(place)]!;
    count = advance(machine, machine.current, count, kind, before);
    if (count < 0) return true;
    before = moves.before[kind]!;
    const { next } = machine;
    machine.next = machine.current;
    machine.current = next;
  }
  return machine.current.subarray(0, count).some((place) => moves.matchesAtEnd(place, before));
}

function discoverEnd({ states, moves, atEnd }: Machine, state: number): void {
  const { places, before } = states[state]!;
  atEnd[state] = places.some((place) => moves.matchesAtEnd(place, before)) ? 1 : 0;
}

function matchesAtEnd(machine: Machine, state: number): boolean {
  if (machine.atEnd[state] === unknown) discoverEnd(machine, state);
  return machine.atEnd[state] === 1;
}

/** Fills in a missing transition; starts the table anew when it is full. */
function discover(machine: Machine, state: number, kind: number): number {
  const from = machine.states[state]!;
  if (machine.states.length >= machine.maxStates) reset(machine);
  machine.built += 1;
  const next = step(machine, from, kind);
  if (machine.states[state] === from) machine.table[state * machine.moves.width + kind] = next;
  return next;
}

/** @param anchored every match begins where the text does. @param program has no look-around and no `\Z`. */
export function createLazyDfa(program: Program, anchored: boolean): ContainsMatch {
  // Made when first asked: of the rules of a set, most never are.
  let machine: Machine | undefined;
  return (text) => contains((machine ??= createMachine(program, anchored)), text);
}

function contains(machine: Machine, text: string): boolean {
  const { width, classes } = machine.moves;
  let { table } = machine;
  let state = firstState;
  machine.built = 0;
  for (let at = 0; at < text.length; at += 1) {
    const kind = classes[text.charCodeAt(at)]!;
    let next = table[state * width + kind]!;
    if (next === unknown) {
      if (machine.built > freeStates && machine.built * bytesPerState > at) {
        work.steps += at;
        return walk(machine, machine.states[state]!, text, at);
      }
      next = discover(machine, state, kind);
      table = machine.table;
    }
    if (next <= matched) {
      work.steps += at;
      return next === matched;
    }
    state = next;
  }
  work.steps += text.length;
  return matchesAtEnd(machine, state);
}

/** Whether the automaton can run this program: everything but look-around and `\Z`, which look further than one byte. */
export function isRegular(program: Program): boolean {
  for (let place = 0; place < program.op.length; place += 1) {
    if (program.op[place] === opcodes.look) return false;
    if (program.op[place] === opcodes.assert && program.x[place] === 2) return false;
  }
  return true;
}
