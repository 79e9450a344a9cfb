import { holds, noByte } from './assertions.ts';
import { type ByteSet, hasByte, isWordByte } from './byte-set.ts';
import { firstBytes, firstOfSequence } from './first-bytes.ts';
import { placesToTry } from './leading-run.ts';
import type { Node } from './syntax.ts';
import { work } from './work.ts';

// Back-references cannot be matched in linear time. Expressions that have them, few as they are, are tried the way
// PCRE does it, under a budget of steps that grows with the text. When it is spent the answer is that the text
// matches: an attacker who makes the engine work in vain is refused, not let through.

/** Steps for each byte of the text, and for the shortest. */
const stepsPerByte = 256;
const leastSteps = 20_000;
/** How deep groups may repeat within each other. */
const maxDepth = 2000;

interface Attempt {
  readonly text: string;
  /** Bounds of groups in pairs; -1 where a group took no part. */
  readonly captures: Int32Array;
  steps: number;
  depth: number;
}

type Continue = (at: number) => boolean;
/** Tries to match at `at`, then to go on; leaves the captures as they were where that fails. */
type Matcher = (attempt: Attempt, at: number, next: Continue) => boolean;

class Exhausted extends Error {}

function spend(attempt: Attempt): void {
  attempt.steps -= 1;
  if (attempt.steps < 0 || attempt.depth > maxDepth) throw new Exhausted();
}

function sequence(parts: readonly Matcher[]): Matcher {
  const [first, ...rest] = parts;
  if (first === undefined) return (_attempt, at, next) => next(at);
  if (rest.length === 0) return first;
  const others = sequence(rest);
  return (attempt, at, next) => first(attempt, at, (after) => others(attempt, after, next));
}

type Repeat = Node & { readonly kind: 'repeat' };

/** A repeated set needs no recursion: count, then give back or take more, where the text goes on with what may follow. */
function repeatSet({ min, max, greedy }: Repeat, set: ByteSet, follow: ByteSet | undefined): Matcher {
  return (attempt, at, next) => {
    const { text } = attempt;
    const { length } = text;
    let least = at;
    while (least - at < min && least < length && hasByte(set, text.charCodeAt(least))) least += 1;
    if (least - at < min) return false;
    const mayEnd = (end: number): boolean =>
      follow === undefined || (end < length && hasByte(follow, text.charCodeAt(end)));
    if (!greedy) {
      for (let end = least; ; end += 1) {
        spend(attempt);
        if (mayEnd(end) && next(end)) return true;
        if (end - at >= max || end >= length || !hasByte(set, text.charCodeAt(end))) return false;
      }
    }
    let end = least;
    while (end - at < max && end < length && hasByte(set, text.charCodeAt(end))) end += 1;
    for (; end >= least; end -= 1) {
      spend(attempt);
      if (mayEnd(end) && next(end)) return true;
    }
    return false;
  };
}

function repeatAny({ min, max, greedy }: Repeat, inner: Matcher): Matcher {
  const run = (attempt: Attempt, count: number, at: number, next: Continue): boolean => {
    spend(attempt);
    const again = (): boolean => {
      if (count >= max) return false;
      attempt.depth += 1;
      // A repetition that consumes nothing would go on for ever.
      const found = inner(attempt, at, (after) =>
        after === at && count >= min ? false : run(attempt, count + 1, after, next),
      );
      attempt.depth -= 1;
      return found;
    };
    if (count < min) return again();
    return greedy ? again() || next(at) : next(at) || again();
  };
  return (attempt, at, next) => run(attempt, 0, at, next);
}

function capture(index: number, inner: Matcher): Matcher {
  return (attempt, at, next) => {
    const { captures } = attempt;
    const from = captures[index * 2]!;
    const to = captures[index * 2 + 1]!;
    const found = inner(attempt, at, (after) => {
      captures[index * 2] = at;
      captures[index * 2 + 1] = after;
      return next(after);
    });
    if (!found) {
      captures[index * 2] = from;
      captures[index * 2 + 1] = to;
    }
    return found;
  };
}

function reference({ index, ignoreCase }: Node & { readonly kind: 'reference' }): Matcher {
  return ({ text, captures }, at, next) => {
    const from = captures[index * 2]!;
    if (from < 0) return false;
    const length = captures[index * 2 + 1]! - from;
    if (at + length > text.length) return false;
    for (let offset = 0; offset < length; offset += 1)
      if (!isSame(text.charCodeAt(from + offset), text.charCodeAt(at + offset), ignoreCase)) return false;
    return next(at + length);
  };
}

const isSame = (a: number, b: number, ignoreCase: boolean): boolean => a === b || (ignoreCase && lower(a) === lower(b));

const lower = (byte: number): number => (byte >= 0x41 && byte <= 0x5a ? byte | 32 : byte);

/** A look-behind tries every start; what it finds must end where it stands. */
function look({ ahead, negative }: Node & { readonly kind: 'look' }, inner: Matcher): Matcher {
  const finds = (attempt: Attempt, at: number): boolean => {
    if (ahead) return inner(attempt, at, () => true);
    for (let from = at; from >= 0; from -= 1) {
      spend(attempt);
      if (inner(attempt, from, (end) => end === at)) return true;
    }
    return false;
  };
  return (attempt, at, next) => finds(attempt, at) !== negative && next(at);
}

const assertionNumbers = { start: 0, end: 1, 'end-or-newline': 2, 'line-start': 3, 'line-end': 4 } as const;

function assertion(what: (Node & { readonly kind: 'assert' })['what']): Matcher {
  const word = (text: string, at: number): boolean => at >= 0 && at < text.length && isWordByte(text.charCodeAt(at));
  if (what === 'word' || what === 'not-word')
    return ({ text }, at, next) => (word(text, at - 1) !== word(text, at)) === (what === 'word') && next(at);
  const number = assertionNumbers[what];
  return ({ text }, at, next) => {
    const before = at > 0 ? text.charCodeAt(at - 1) : noByte;
    const after = at < text.length ? text.charCodeAt(at) : noByte;
    return holds(number, before, after, at === text.length - 1) && next(at);
  };
}

/** One byte of each set in turn, in one step: words are many, and each has one way to match. */
function word(sets: readonly ByteSet[]): Matcher {
  return (attempt, at, next) => {
    spend(attempt);
    const { text } = attempt;
    if (at + sets.length > text.length) return false;
    for (let index = 0; index < sets.length; index += 1)
      if (!hasByte(sets[index]!, text.charCodeAt(at + index))) return false;
    return next(at + sets.length);
  };
}

function compileParts(parts: readonly Node[]): Matcher[] {
  const matchers: Matcher[] = [];
  for (let index = 0; index < parts.length; index += 1) {
    const sets: ByteSet[] = [];
    for (let part = parts[index]; part?.kind === 'set'; part = parts[index + sets.length]) sets.push(part.set);
    const part = parts[index]!;
    matchers.push(sets.length > 0 ? word(sets) : compile(part, firstOfSequence(parts.slice(index + 1))));
    index += Math.max(0, sets.length - 1);
  }
  return matchers;
}

/** Fails at once where the text goes on with none of the bytes that a match begins with. */
function promising(node: Node): Matcher {
  const match = compile(node);
  const first = firstBytes(node);
  if (first === undefined) return match;
  return (attempt, at, next) =>
    at < attempt.text.length && hasByte(first, attempt.text.charCodeAt(at)) && match(attempt, at, next);
}

/** @param follow what comes after a match of `node`, where that is known. */
function compile(node: Node, follow?: ByteSet): Matcher {
  switch (node.kind) {
    case 'empty':
      return (_attempt, at, next) => next(at);
    case 'set':
      return word([node.set]);
    case 'cat':
      return sequence(compileParts(node.parts));
    case 'alt': {
      const options = node.options.map((option) => promising(option));
      return (attempt, at, next) => {
        for (const option of options) if (option(attempt, at, next)) return true;
        return false;
      };
    }
    case 'repeat': {
      const { node: inner } = node;
      if (inner.kind === 'set') return repeatSet(node, inner.set, follow);
      return repeatAny(node, compile(inner));
    }
    case 'group':
      return capture(node.index, compile(node.node));
    case 'assert':
      return assertion(node.what);
    case 'look':
      return look(node, compile(node.node));
    case 'reference':
      return reference(node);
  }
}

/**
 * Finds the leftmost match from a place on as PCRE would, or undefined. Where the budget is spent: the whole text.
 * The captures are the caller's until the next call.
 */
export function createBacktracker(node: Node, groups: number): (text: string, from?: number) => Int32Array | undefined {
  const match = compile(node);
  const isWorthTrying = placesToTry(node);
  return (text, start = 0) => {
    const captures = new Int32Array((groups + 1) * 2).fill(-1);
    const budget = Math.max(leastSteps, text.length * stepsPerByte);
    const attempt: Attempt = { text, captures, steps: budget, depth: 0 };
    try {
      for (let at = start; at <= text.length; at += 1) {
        if (!isWorthTrying(text, at)) continue;
        spend(attempt);
        captures[0] = at;
        const found = match(attempt, at, (end) => {
          captures[1] = end;
          return true;
        });
        if (found) return captures;
      }
      return undefined;
    } catch (error) {
      if (!(error instanceof Exhausted || error instanceof RangeError)) throw error;
      return captures.fill(-1).fill(0, 0, 1).fill(text.length, 1, 2);
    } finally {
      work.steps += budget - attempt.steps;
    }
  };
}
