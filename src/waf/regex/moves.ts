import { holds, noByte } from './assertions.ts';
import { addByte, type ByteSet, emptySet, hasByte, isWordByte, wordSet } from './byte-set.ts';
import { opcodes, type Program } from './program.ts';
import { work } from './work.ts';

// Where a program's places lead, one place and one class of bytes at a time, kept once it was asked for: a new state of the automaton is put
// together from what is known of its places.

/** Places that are reached over one byte. */
export type Reached = Int32Array;

/** Instead of places: the program has matched, before the byte. */
export const hasMatched: Reached = new Int32Array(0);
const nowhere: Reached = new Int32Array(0);

export interface Moves {
  /** Class of each byte: no instruction tells bytes of one class apart. */
  readonly classes: Uint8Array;
  /** How many classes there are. */
  readonly width: number;
  /** Per class, which of the bytes that stand for all (as far as assertions can tell) comes before what follows. */
  readonly before: Uint8Array;
  /** Places after a byte of the class, from a place with such a byte before it; {@link hasMatched}. */
  over(place: number, kind: number, before: number): Reached;
  /** Whether the program has matched where the text ends at this place. */
  matchesAtEnd(place: number, before: number): boolean;
}

/** Bytes that may stand before a place, for assertions: none, a line feed, one of a word, another. */
const befores = [noByte, 10, 97, 32] as const;
/** Before the first byte; of programs without assertions, always. */
export const noneBefore = 0;

/** So many moves are kept. */
const maxKept = 1 << 15;

interface Classes {
  readonly of: Uint8Array;
  readonly samples: readonly number[];
}

/** Groups bytes that no instruction tells apart. */
function classify(program: Program, asserts: boolean): Classes {
  const sets: ByteSet[] = [...program.sets];
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

/** Follows the empty moves of a program; reused from place to place. */
interface Follower {
  readonly program: Program;
  /** When a place was last come by. */
  readonly stamp: Uint32Array;
  generation: number;
  readonly stack: number[];
  /** What was found, and how many there are. */
  readonly taking: Int32Array;
}

const createFollower = (program: Program): Follower => ({
  program,
  stamp: new Uint32Array(program.op.length),
  generation: 0,
  stack: [],
  taking: new Int32Array(program.op.length),
});

/** Finds the places that consume a byte, from a place on. Gives how many; -1 where the program has matched. */
function follow(follower: Follower, from: number, before: number, after: number): number {
  const { program, stamp, stack, taking } = follower;
  const { op, x, y } = program;
  if (follower.generation === 0xffffffff) stamp.fill((follower.generation = 0));
  follower.generation += 1;
  const { generation } = follower;
  let count = 0;
  stack.push(from);
  while (stack.length > 0) {
    const place = stack.pop()!;
    if (stamp[place] === generation) continue;
    stamp[place] = generation;
    work.steps += 1;
    switch (op[place]) {
      case opcodes.set:
        taking[count] = place;
        count += 1;
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
        return -1;
    }
  }
  return count;
}

/** Where the found places lead over a byte. */
function overByte({ program, taking }: Follower, count: number, byte: number): Reached {
  const { sets, x } = program;
  let reached = 0;
  for (let index = 0; index < count; index += 1) {
    const place = taking[index]!;
    if (!hasByte(sets[x[place]!]!, byte)) continue;
    taking[reached] = place + 1;
    reached += 1;
  }
  return reached === 0 ? nowhere : taking.slice(0, reached);
}

const beforeOf = (byte: number): number => (byte === 10 ? 1 : isWordByte(byte) ? 2 : 3);

/** @param program has no look-around and no `\Z`. */
export function createMoves(program: Program): Moves {
  const { op } = program;
  const asserts = op.includes(opcodes.assert);
  const { of, samples } = classify(program, asserts);
  const width = samples.length;
  const contexts = asserts ? befores.length : 1;
  /** By place and what stands before; made when first needed. */
  let rows: ((Reached | undefined)[] | undefined)[] | undefined;
  let kept = 0;
  let follower: Follower | undefined;
  const find = (place: number, kind: number, before: number): Reached => {
    follower ??= createFollower(program);
    const byte = samples[kind]!;
    const count = follow(follower, place, befores[before]!, byte);
    return count < 0 ? hasMatched : overByte(follower, count, byte);
  };
  return {
    classes: of,
    width,
    before: Uint8Array.from(samples, (byte) => (asserts ? beforeOf(byte) : noneBefore)),
    over(place, kind, before) {
      if (rows === undefined || kept >= maxKept) {
        rows = new Array(op.length * contexts).fill(undefined);
        kept = 0;
      }
      const row = (rows[place * contexts + before] ??= new Array(width).fill(undefined));
      const known = row[kind];
      if (known !== undefined) return known;
      kept += 1;
      const found = find(place, kind, before);
      row[kind] = found;
      return found;
    },
    matchesAtEnd: (place, before) =>
      follow((follower ??= createFollower(program)), place, befores[before]!, noByte) < 0,
  };
}
