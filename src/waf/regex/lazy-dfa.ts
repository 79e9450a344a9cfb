import { holds, noByte } from './assertions.ts';
import { addByte, type ByteSet, emptySet, hasByte, wordSet } from './byte-set.ts';
import { opcodes, type Program } from './program.ts';

// A deterministic automaton built while it runs (Thompson 1968, as RE2 does it): each byte costs one table look-up once
// its transition is known, and one step of the program's places otherwise. Time is linear in the text whatever it holds;
// the table is bounded and starts anew when it is full.

/** Tells whether `text` contains a match. */
export type ContainsMatch = (text: string) => boolean;

const dead = 0;
const matched = 1;
const firstState = 2;
const unknown = -1;
const maxTableCells = 1 << 16;

interface State {
  /** Places after the last byte was consumed, before empty moves. */
  readonly places: readonly number[];
  /** A byte that stands for all that could have come before. */
  readonly before: number;
}

interface ByteClasses {
  readonly of: Uint8Array;
  readonly samples: readonly number[];
}

/** Groups bytes that no instruction tells apart. */
function classify(program: Program): ByteClasses {
  const sets: ByteSet[] = [...program.sets];
  const asserts = program.op.includes(opcodes.assert);
  if (asserts) {
    const lineFeed = emptySet();
    addByte(lineFeed, 10);
    sets.push(wordSet, lineFeed);
  }
  const of = new Uint8Array(256);
  const samples: number[] = [];
  const known = new Map<string, number>();
  for (let byte = 0; byte < 256; byte += 1) {
    const key = sets.map((set) => (hasByte(set, byte) ? '1' : '0')).join('');
    let found = known.get(key);
    if (found === undefined) {
      found = samples.length;
      known.set(key, found);
      samples.push(byte);
    }
    of[byte] = found;
  }
  return { of, samples };
}

/** The places of a program reached without consuming a byte. Reused from step to step. */
interface Closure {
  readonly stamp: Uint32Array;
  generation: number;
  readonly stack: number[];
}

/** Follows empty moves from `from`; calls `reach` with each byte-consuming place. True where the program has matched. */
function follow(
  program: Program,
  closure: Closure,
  from: number,
  before: number,
  after: number,
  reach: (place: number) => void,
): boolean {
  const { op, x, y } = program;
  const { stamp, stack, generation } = closure;
  stack.push(from);
  while (stack.length > 0) {
    const place = stack.pop()!;
    if (stamp[place] === generation) continue;
    stamp[place] = generation;
    switch (op[place]) {
      case opcodes.set:
        reach(place);
        break;
      case opcodes.split:
        stack.push(y[place]!, x[place]!);
        break;
      case opcodes.jump:
        stack.push(x[place]!);
        break;
      case opcodes.save:
        stack.push(place + 1);
        break;
      case opcodes.assert:
        if (holds(x[place]!, before, after, false)) stack.push(place + 1);
        break;
      default:
        stack.length = 0;
        return true;
    }
  }
  return false;
}

/** Byte that represents `byte` in front of the next one, as far as assertions can tell. */
function beforeOf(byte: number, asserts: boolean): number {
  if (!asserts) return 0;
  if (byte === 10) return 10;
  const word = (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || byte === 95 || (byte >= 97 && byte <= 122);
  return word ? 97 : 32;
}

/** @param anchored every match begins where the text does. @param program has no look-around and no `\Z`. */
export function createLazyDfa(program: Program, anchored: boolean): ContainsMatch {
  const classes = classify(program);
  const width = classes.samples.length;
  const maxStates = Math.max(16, Math.floor(maxTableCells / width));
  const asserts = program.op.includes(opcodes.assert);
  const closure: Closure = { stamp: new Uint32Array(program.op.length), generation: 0, stack: [] };
  const start: State = { places: [0], before: noByte };
  let states: (State | undefined)[] = [undefined, undefined, start];
  let index = new Map<string, number>();
  let table = new Int32Array(width * 8).fill(unknown);
  let atEnd = new Int8Array(8).fill(unknown);

  const reset = (): void => {
    states = [undefined, undefined, start];
    index = new Map();
    table.fill(unknown);
    atEnd.fill(unknown);
  };

  const intern = (places: number[], before: number): number => {
    if (places.length === 0) return dead;
    places.sort((a, b) => a - b);
    const key = String.fromCharCode(before, ...places);
    const known = index.get(key);
    if (known !== undefined) return known;
    const state = states.length;
    states.push({ places, before });
    index.set(key, state);
    if (state * width >= table.length) {
      const larger = new Int32Array(Math.min(table.length * 2, (maxStates + 1) * width)).fill(unknown);
      larger.set(table);
      table = larger;
      const ends = new Int8Array(larger.length / width).fill(unknown);
      ends.set(atEnd);
      atEnd = ends;
    }
    return state;
  };

  const step = (from: State, byte: number): number => {
    closure.generation += 1;
    const next: number[] = [];
    const reach = (place: number): void => {
      if (hasByte(program.sets[program.x[place]!]!, byte)) next.push(place + 1);
    };
    for (const place of from.places) if (follow(program, closure, place, from.before, byte, reach)) return matched;
    if (!anchored) next.push(0);
    return intern([...new Set(next)], beforeOf(byte, asserts));
  };

  const matchesAtEnd = (state: number): boolean => {
    if (atEnd[state] === unknown) {
      closure.generation += 1;
      const from = states[state]!;
      const found = from.places.some((place) => follow(program, closure, place, from.before, noByte, () => undefined));
      atEnd[state] = found ? 1 : 0;
    }
    return atEnd[state] === 1;
  };

  /** Fills in a missing transition; starts the table anew when it is full. */
  const discover = (state: number, kind: number): number => {
    const from = states[state]!;
    if (states.length >= maxStates) reset();
    const next = step(from, classes.samples[kind]!);
    if (states[state] === from) table[state * width + kind] = next;
    return next;
  };

  const { of } = classes;
  return (text) => {
    let state = firstState;
    for (let at = 0; at < text.length; at += 1) {
      const kind = of[text.charCodeAt(at)]!;
      let next = table[state * width + kind]!;
      if (next === unknown) next = discover(state, kind);
      if (next <= matched) return next === matched;
      state = next;
    }
    return matchesAtEnd(state);
  };
}

/** Whether the automaton can run this program: everything but look-around and `\Z`, which look further than one byte. */
export function isRegular(program: Program): boolean {
  for (let place = 0; place < program.op.length; place += 1) {
    if (program.op[place] === opcodes.look) return false;
    if (program.op[place] === opcodes.assert && program.x[place] === 2) return false;
  }
  return true;
}
