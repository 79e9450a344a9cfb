import { holds, noByte } from './assertions.ts';
import { addByte, type ByteSet, emptySet, hasByte, wordSet } from './byte-set.ts';
import { opcodes, type Program } from './program.ts';
import { work } from './work.ts';

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
    work.steps += 1;
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

/** The automaton as far as it has been built. */
interface Machine {
  readonly program: Program;
  readonly anchored: boolean;
  readonly classes: ByteClasses;
  readonly width: number;
  readonly maxStates: number;
  readonly asserts: boolean;
  readonly closure: Closure;
  readonly start: State;
  states: (State | undefined)[];
  index: Map<string, number>;
  /** `table[state * width + class]`. */
  table: Int32Array;
  atEnd: Int8Array;
}

function createMachine(program: Program, anchored: boolean): Machine {
  const classes = classify(program);
  const width = classes.samples.length;
  const start: State = { places: [0], before: noByte };
  return {
    program,
    anchored,
    classes,
    width,
    maxStates: Math.max(16, Math.floor(maxTableCells / width)),
    asserts: program.op.includes(opcodes.assert),
    closure: { stamp: new Uint32Array(program.op.length), generation: 0, stack: [] },
    start,
    states: [undefined, undefined, start],
    index: new Map(),
    table: new Int32Array(width * 8).fill(unknown),
    atEnd: new Int8Array(8).fill(unknown),
  };
}

function reset(machine: Machine): void {
  machine.states = [undefined, undefined, machine.start];
  machine.index = new Map();
  machine.table.fill(unknown);
  machine.atEnd.fill(unknown);
}

function grow(machine: Machine): void {
  const { table, width, maxStates } = machine;
  machine.table = new Int32Array(Math.min(table.length * 2, (maxStates + 1) * width)).fill(unknown);
  machine.table.set(table);
  const ends = new Int8Array(machine.table.length / width).fill(unknown);
  ends.set(machine.atEnd);
  machine.atEnd = ends;
}

function intern(machine: Machine, places: number[], before: number): number {
  if (places.length === 0) return dead;
  places.sort((a, b) => a - b);
  const key = String.fromCharCode(before, ...places);
  const known = machine.index.get(key);
  if (known !== undefined) return known;
  const state = machine.states.length;
  machine.states.push({ places, before });
  machine.index.set(key, state);
  if (state * machine.width >= machine.table.length) grow(machine);
  return state;
}

function step(machine: Machine, from: State, byte: number): number {
  const { program, closure, anchored, asserts } = machine;
  closure.generation += 1;
  const next: number[] = [];
  const reach = (place: number): void => {
    if (hasByte(program.sets[program.x[place]!]!, byte)) next.push(place + 1);
  };
  for (const place of from.places) if (follow(program, closure, place, from.before, byte, reach)) return matched;
  if (!anchored) next.push(0);
  return intern(machine, [...new Set(next)], beforeOf(byte, asserts));
}

const nowhere = (): void => undefined;

function discoverEnd({ program, closure, states, atEnd }: Machine, state: number): void {
  closure.generation += 1;
  const { places, before } = states[state]!;
  const found = places.some((place) => follow(program, closure, place, before, noByte, nowhere));
  atEnd[state] = found ? 1 : 0;
}

function matchesAtEnd(machine: Machine, state: number): boolean {
  if (machine.atEnd[state] === unknown) discoverEnd(machine, state);
  return machine.atEnd[state] === 1;
}

/** Fills in a missing transition; starts the table anew when it is full. */
function discover(machine: Machine, state: number, kind: number): number {
  const from = machine.states[state]!;
  if (machine.states.length >= machine.maxStates) reset(machine);
  const next = step(machine, from, machine.classes.samples[kind]!);
  if (machine.states[state] === from) machine.table[state * machine.width + kind] = next;
  return next;
}

/** @param anchored every match begins where the text does. @param program has no look-around and no `\Z`. */
export function createLazyDfa(program: Program, anchored: boolean): ContainsMatch {
  const machine = createMachine(program, anchored);
  const { width } = machine;
  const { of } = machine.classes;
  return (text) => {
    let { table } = machine;
    let state = firstState;
    for (let at = 0; at < text.length; at += 1) {
      const kind = of[text.charCodeAt(at)]!;
      let next = table[state * width + kind]!;
      if (next === unknown) {
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
