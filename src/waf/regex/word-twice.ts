import { type ByteSet, bytesOf, hasByte, intersects, wordSet } from './byte-set.ts';
import { compileProgram, opcodes, type Program } from './program.ts';
import type { Node } from './syntax.ts';
import { work } from './work.ts';

// `\b(\w+)\b *(?:=|like) *\b\1\b`: a word, signs, and the same word again (or, for `<>`, another one). What may stand between the two is
// regular: an automaton runs from the end of each word, and where it says that the second may begin, the two are compared. It runs
// no further than the expression has words of its own, so that each byte is read a few times at most.

/** What an expression of this form is made of. */
interface Form {
  /** Bytes any number of which a match begins with; they are none of a word. */
  readonly lead: ByteSet;
  /** What follows the first word; where the second is to be compared stands an empty group of the number of its mark. */
  readonly between: Node;
  readonly ignoreCase: boolean;
}

const sameWord = 1;
const otherWord = 2;

const isWord = (node: Node | undefined): boolean =>
  node?.kind === 'repeat' &&
  node.min === 1 &&
  node.max === Number.POSITIVE_INFINITY &&
  node.node.kind === 'set' &&
  node.node.set.every((bits, index) => bits === wordSet[index]);

const isBound = (node: Node | undefined): boolean => node?.kind === 'assert' && node.what === 'word';

const partsOf = (node: Node): readonly Node[] =>
  node.kind === 'cat' ? node.parts.flatMap(partsOf) : node.kind === 'empty' ? [] : [node];

/** Whether these are `\b\1\b`. */
function isReference(parts: readonly Node[], ignoreCase: boolean): boolean {
  const [start, reference, end] = parts;
  if (parts.length !== 3 || reference?.kind !== 'reference') return false;
  return isBound(start) && isBound(end) && reference.ignoreCase === ignoreCase;
}

/** Whether an automaton of bytes alone can run it. */
function isPlain(node: Node): boolean {
  if (node.kind === 'cat') return node.parts.every(isPlain);
  if (node.kind === 'alt') return node.options.every(isPlain);
  if (node.kind === 'repeat') return isPlain(node.node);
  return node.kind === 'set' || node.kind === 'empty';
}

const mark = (index: number): Node => ({ kind: 'group', index, node: { kind: 'empty' } });

/** `node` with marks where it ends in `\b\1\b` or in `(?!\b\1\b)\w+`; undefined where it is of another form. */
function withMarks(node: Node, ignoreCase: boolean): Node | undefined {
  const parts = partsOf(node);
  const endingIn = (count: number, end: Node): Node | undefined => {
    const rest = parts.slice(0, -count);
    return rest.every(isPlain) ? { kind: 'cat', parts: [...rest, end] } : undefined;
  };
  if (isReference(parts.slice(-3), ignoreCase)) return endingIn(3, mark(sameWord));
  const last = parts.at(-1);
  const look = parts.at(-2);
  if (
    isWord(last) &&
    look?.kind === 'look' &&
    look.ahead &&
    look.negative &&
    isReference(partsOf(look.node), ignoreCase)
  )
    return endingIn(2, mark(otherWord));
  if (last?.kind !== 'alt') return undefined;
  const options = last.options.map((option) => withMarks(option, ignoreCase));
  return options.every((option) => option !== undefined) ? endingIn(1, { kind: 'alt', options }) : undefined;
}

/** The form of `lead*?\b(\w+)\b between`, with nothing behind the second word; undefined of any other. */
function formOf(node: Node, groups: number): Form | undefined {
  const [first, start, group, end, ...rest] = partsOf(node);
  if (groups !== 1 || first?.kind !== 'repeat' || first.min !== 0 || first.max !== Number.POSITIVE_INFINITY)
    return undefined;
  if (first.node.kind !== 'set' || intersects(first.node.set, wordSet)) return undefined;
  if (!isBound(start) || group?.kind !== 'group' || !isWord(group.node) || !isBound(end)) return undefined;
  for (const ignoreCase of [true, false]) {
    const between = withMarks({ kind: 'cat', parts: rest }, ignoreCase);
    if (between !== undefined) return { lead: first.node.set, between, ignoreCase };
  }
  return undefined;
}

/** What may stand between the words, as an automaton built whole. A state is the place of its row in the table. */
interface Between {
  readonly classes: Uint8Array;
  readonly width: number;
  /** By state and class: the next state, its complement where that one is marked; 0 where nothing more can follow. */
  readonly next: Int32Array;
  /** By state, what the second word may be: bits of {@link sameWord} and {@link otherWord}. */
  readonly marks: Uint8Array;
  /** By state: 1 where bytes of the lead change nothing. */
  readonly stays: Uint8Array;
}

const maxStates = 1000;

/** A state while the table is built: places that take a byte, and marks. */
interface Reach {
  readonly taking: number[];
  marks: number;
}

function reachOf({ op, x, y }: Program, places: readonly number[]): Reach {
  const seen = new Set<number>();
  const found: Reach = { taking: [], marks: 0 };
  const stack = [...places];
  while (stack.length > 0) {
    const place = stack.pop()!;
    if (seen.has(place)) continue;
    seen.add(place);
    if (op[place] === opcodes.set) found.taking.push(place);
    else if (op[place] === opcodes.split) stack.push(x[place]!, y[place]!);
    else if (op[place] === opcodes.jump) stack.push(x[place]!);
    // A mark is an empty group, of which the opening tells.
    else if (op[place] === opcodes.save && x[place]! % 2 === 0) found.marks |= x[place]! / 2;
  }
  return found;
}

function classify({ sets }: Program): { readonly classes: Uint8Array; readonly samples: readonly number[] } {
  const known = new Map<string, number>();
  const samples: number[] = [];
  const classes = Uint8Array.from({ length: 256 }, (_none, byte) => {
    const key = sets.map((set) => hasByte(set, byte)).join();
    if (!known.has(key)) known.set(key, samples.push(byte) - 1);
    return known.get(key)!;
  });
  return { classes, samples };
}

/** Undefined where it would have too many states. */
function determinize(program: Program, lead: ByteSet): Between | undefined {
  const { classes, samples } = classify(program);
  const states = [reachOf(program, []), reachOf(program, [0])];
  const known = new Map<string, number>([['', 0]]);
  const moves: number[] = samples.map(() => 0);
  for (let state = 1; state < states.length; state += 1) {
    for (const byte of samples) {
      const taken = states[state]!.taking.filter((place) => hasByte(program.sets[program.x[place]!]!, byte));
      const after = taken.map((place) => place + 1).sort((a, b) => a - b);
      const key = after.join();
      if (!known.has(key)) known.set(key, states.push(reachOf(program, after)) - 1);
      moves.push(known.get(key)!);
    }
    if (states.length > maxStates) return undefined;
  }
  return layOut(states, moves, { classes, width: samples.length, lead: bytesOf(lead) });
}

/** Numbers states by their rows. */
function layOut(
  states: readonly Reach[],
  moves: readonly number[],
  { classes, width, lead }: Pick<Between, 'classes' | 'width'> & { readonly lead: readonly number[] },
): Between {
  const marks = new Uint8Array(moves.length);
  const stays = new Uint8Array(moves.length);
  for (const [state, { marks: own }] of states.entries()) {
    marks[state * width] = own;
    if (lead.every((byte) => moves[state * width + classes[byte]!] === state)) stays[state * width] = 1;
  }
  const next = Int32Array.from(moves, (state) => (marks[state * width] === 0 ? state * width : ~(state * width)));
  return { classes, width, next, marks, stays };
}

const inWord = new Uint8Array(256);
for (const byte of bytesOf(wordSet)) inWord[byte] = 1;

const bytes = Uint8Array.from({ length: 256 }, (_none, byte) => byte);
const lowerCase = bytes.map((byte) => (byte >= 0x41 && byte <= 0x5a ? byte | 32 : byte));

/** A search in one text. */
interface Search {
  readonly between: Between;
  readonly lead: ByteSet;
  /** What bytes are compared by. */
  readonly folded: Uint8Array;
  readonly text: string;
  /** The first word. */
  from: number;
  to: number;
  /** The last run of the lead's bytes that was read: the words before it need not each read it. */
  runFrom: number;
  runTo: number;
}

/** Whether the word that begins at `at` is the first one. */
function isSameWord({ text, folded, from, to }: Search, at: number): boolean {
  const end = at + to - from;
  if (end > text.length) return false;
  for (let offset = 0; at + offset < end; offset += 1)
    if (folded[text.charCodeAt(from + offset)] !== folded[text.charCodeAt(at + offset)]) return false;
  return end === text.length || inWord[text.charCodeAt(end)] === 0;
}

/** Whether a second word as the marks want it begins at `at`. */
function isWanted(search: Search, marks: number, at: number): boolean {
  const { text } = search;
  if (at >= text.length || inWord[text.charCodeAt(at)] === 0) return false;
  // Within a word it is another one: the first is whole.
  const isSame = inWord[text.charCodeAt(at - 1)] === 0 && isSameWord(search, at);
  return (marks & (isSame ? sameWord : otherWord)) !== 0;
}

/** Past the bytes of the lead from `at` on. */
function pastRun(search: Search, at: number): number {
  const { text, lead, runFrom, runTo } = search;
  if (at >= runFrom && at <= runTo) return runTo;
  let end = at;
  while (end < text.length && hasByte(lead, text.charCodeAt(end))) end += 1;
  work.steps += end - at;
  search.runFrom = at;
  search.runTo = end;
  return end;
}

/** Whether a match goes on from the first word. */
function goesOn(search: Search): boolean {
  const { between, text, to } = search;
  const { classes, next, marks, stays } = between;
  const { length } = text;
  let state = between.width;
  let skipped = 0;
  let at = to;
  let found = false;
  while (at < length && !found) {
    const move = next[state + classes[text.charCodeAt(at)]!]!;
    at += 1;
    if (move === 0) break;
    const after = move < 0 ? ~move : move;
    if (after === state && stays[state] === 1) {
      skipped -= at;
      at = pastRun(search, at);
      skipped += at;
    }
    state = after;
    found = move < 0 && isWanted(search, marks[state]!, at);
  }
  work.steps += at - to - skipped;
  return found;
}

/** Index of the first word of the text from which a match goes on; -1 where there is none. */
function firstWord(search: Search): number {
  const { text } = search;
  const { length } = text;
  work.steps += length;
  for (let at = 0; at < length; at += 1) {
    if (inWord[text.charCodeAt(at)] === 0) continue;
    search.from = at;
    while (at < length && inWord[text.charCodeAt(at)] !== 0) at += 1;
    search.to = at;
    if (goesOn(search)) return search.from;
  }
  return -1;
}

/** Finds where the leftmost match begins, or -1. */
export type FindStart = (text: string) => number;

/** Undefined where the expression is of another form. */
export function createWordTwice(node: Node, groups: number): FindStart | undefined {
  const form = formOf(node, groups);
  const between = form === undefined ? undefined : determinize(compileProgram(form.between, 0), form.lead);
  if (form === undefined || between === undefined) return undefined;
  const { lead, ignoreCase } = form;
  const folded = ignoreCase ? lowerCase : bytes;
  return (text) => {
    let start = firstWord({ between, lead, folded, text, from: 0, to: 0, runFrom: 0, runTo: -1 });
    while (start > 0 && hasByte(lead, text.charCodeAt(start - 1))) start -= 1;
    return start;
  };
}
