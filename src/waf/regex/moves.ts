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

/** Follows empty moves from a place. Gives the places that consume a byte; undefined where the program has matched. */
function closureOf({ op, x, y }: Program, from: number, before: number, after: number): number[] | undefined {
  const seen = new Set<number>();
  const stack = [from];
  const taking: number[] = [];
  while (stack.length > 0) {
    const place = stack.pop()!;
    if (seen.has(place)) continue;
    seen.add(place);
    work.steps += 1;
    switch (op[place]) {
      case opcodes.set:
        taking.push(place);
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
        return undefined;
    }
  }
  return taking;
}

const beforeOf = (byte: number): number => (byte === 10 ? 1 : isWordByte(byte) ? 2 : 3);

/** @param program has no look-around and no `\Z`. */
export function createMoves(program: Program): Moves {
  const { op, sets, x } = program;
  const asserts = op.includes(opcodes.assert);
  const { of, samples } = classify(program, asserts);
  const width = samples.length;
  const contexts = asserts ? befores.length : 1;
  /** By place and what stands before; made when first needed. */
  let rows: ((Reached | undefined)[] | undefined)[] | undefined;
  let kept = 0;
  const find = (place: number, kind: number, before: number): Reached => {
    const byte = samples[kind]!;
    const taking = closureOf(program, place, befores[before]!, byte);
    if (taking === undefined) return hasMatched;
    return Int32Array.from(taking.filter((one) => hasByte(sets[x[one]!]!, byte)).map((one) => one + 1));
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
    matchesAtEnd: (place, before) => closureOf(program, place, befores[before]!, noByte) === undefined,
  };
}
