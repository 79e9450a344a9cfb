import { addSet, type ByteSet, bytesOf, isSameSet, sizeOf } from './byte-set.ts';
import { type Node, restrict } from './syntax.ts';

// What a text must contain for an expression to have any chance: the prefilter's knowledge. Necessary, never sufficient.

export interface Requirements {
  /** One of these (in lower case) occurs in the text read in lower case; undefined: nothing is known. */
  readonly literals: readonly string[] | undefined;
  /** A byte of each of these sets occurs. */
  readonly sets: readonly ByteSet[];
  readonly minLength: number;
  /** A literal counts only where no letter, digit or underscore follows it. */
  readonly endsWord?: boolean;
  /** What a text of ordinary characters needs, where that is more; `never`: such a text does not match. */
  readonly ordinary?: Requirements | 'never';
}

interface Facts extends Requirements {
  /** All texts (in lower case) that the node can match, where they are few. */
  readonly exact: readonly string[] | undefined;
  /** All that matches begins (in lower case) with one of these; an empty one says nothing. */
  readonly starts: readonly string[];
}

const maxExact = 48;
const maxLiterals = 2048;
const maxLiteralBytes = 24;
/** Beginnings of matches: the sieve looks no further than this. */
const maxStartBytes = 5;
const maxStarts = 1536;
const maxSets = 4;
/** A set of more bytes is no list of beginnings. */
const maxListed = 16;
const maxSetSize = 160;

const nothing: Facts = { exact: [''], starts: [''], literals: undefined, sets: [], minLength: 0 };

/** Literals of one byte prefilter badly, of none not at all; more alternatives match more often. */
function score(literals: readonly string[]): number {
  const shortest = Math.min(...literals.map((literal) => literal.length));
  return shortest * 1000 - literals.length;
}

function usable(literals: readonly string[] | undefined): literals is readonly string[] {
  return literals !== undefined && literals.length > 0 && literals.every((literal) => literal.length > 0);
}

function better(a: readonly string[] | undefined, b: readonly string[] | undefined): readonly string[] | undefined {
  if (!usable(a)) return usable(b) ? b : undefined;
  if (!usable(b)) return a;
  return score(a) >= score(b) ? a : b;
}

/** The smallest sets, each once. An expression asks this at every turn, most often of few sets. */
function fewestFirst(sets: readonly ByteSet[]): readonly ByteSet[] {
  if (sets.length < 2) return sets;
  const fewest: { readonly set: ByteSet; readonly size: number }[] = [];
  for (const set of sets) {
    const size = sizeOf(set);
    if (fewest.some((known) => known.size === size && isSameSet(known.set, set))) continue;
    const place = fewest.findIndex((known) => known.size > size);
    if (place >= 0) fewest.splice(place, 0, { set, size });
    else if (fewest.length < maxSets) fewest.push({ set, size });
    if (fewest.length > maxSets) fewest.pop();
  }
  return fewest.map(({ set }) => set);
}

function ofSet(set: ByteSet): Facts {
  const size = sizeOf(set);
  const sets = size <= maxSetSize ? [set] : [];
  // No two bytes but those of one letter are the same in lower case: there are too many.
  if (size > 2 * maxListed) return { exact: undefined, starts: [''], literals: undefined, sets, minLength: 1 };
  const bytes = bytesOf(set);
  const lower = [...new Set(bytes.map((byte) => String.fromCharCode(byte >= 65 && byte <= 90 ? byte + 32 : byte)))];
  const exact = lower.length <= 6 ? lower : undefined;
  const starts = lower.length <= maxListed ? lower : [''];
  return { exact, starts, literals: exact, sets, minLength: 1 };
}

function cross(a: readonly string[], b: readonly string[]): string[] | undefined {
  if (a.length * b.length > maxExact) return undefined;
  const product = a.flatMap((left) => b.map((right) => left + right));
  return product.some((text) => text.length > maxLiteralBytes) ? undefined : [...new Set(product)];
}

/** As many bytes of some beginnings as keep them few. */
function shorten(starts: readonly string[]): readonly string[] {
  for (let length = maxStartBytes; length > 0; length -= 1) {
    const short = [...new Set(starts.map((start) => start.slice(0, length)))];
    if (short.length <= maxStarts) return short;
  }
  return [''];
}

/** What one of `before`, and then something that begins with one of `starts`, begins with. */
function continued(before: readonly string[], starts: readonly string[]): readonly string[] {
  if (starts.includes('') || before.length * starts.length > 8 * maxStarts) return shorten(before);
  return shorten(before.flatMap((left) => starts.map((right) => left + right)));
}

function ofSequence(parts: readonly Node[]): Facts {
  let run: readonly string[] = [''];
  let starts: readonly string[] | undefined;
  let literals: readonly string[] | undefined;
  const sets: ByteSet[] = [];
  let minLength = 0;
  for (const part of parts) {
    const facts = learn(part);
    minLength += facts.minLength;
    sets.push(...facts.sets);
    const longer = facts.exact === undefined ? undefined : cross(run, facts.exact);
    if (longer !== undefined) {
      run = longer;
      continue;
    }
    const longest = continued(run, facts.exact ?? facts.starts);
    starts ??= longest;
    literals = better(better(literals, better(run, longest)), facts.literals);
    run = facts.exact ?? [''];
  }
  literals = better(literals, run);
  const exact = starts === undefined ? run : undefined;
  return { exact, starts: starts ?? run, literals, sets: fewestFirst(sets), minLength };
}

function ofAlternatives(options: readonly Node[]): Facts {
  const facts = options.map(learn);
  const exact = facts.every((one) => one.exact !== undefined)
    ? [...new Set(facts.flatMap((one) => one.exact!))]
    : undefined;
  const all = facts.every((one) => usable(one.literals))
    ? [...new Set(facts.flatMap((one) => one.literals!))]
    : undefined;
  const sets: ByteSet[] = [];
  if (facts.every((one) => one.sets.length > 0)) {
    const union = new Uint32Array(8);
    for (const one of facts) addSet(union, fewestFirst(one.sets)[0]!);
    if (sizeOf(union) <= maxSetSize) sets.push(union);
  }
  return {
    exact: exact !== undefined && exact.length <= maxExact ? exact : undefined,
    starts: shorten(facts.flatMap((one) => one.exact ?? one.starts)),
    literals: all !== undefined && all.length <= maxLiterals ? all : undefined,
    sets,
    minLength: Math.min(...facts.map((one) => one.minLength)),
  };
}

function ofRepeat(node: Node & { kind: 'repeat' }): Facts {
  const facts = learn(node.node);
  if (node.min === 0) {
    const optional = node.max === 1 && facts.exact !== undefined ? [...new Set(['', ...facts.exact])] : undefined;
    return { exact: optional, starts: [''], literals: undefined, sets: [], minLength: 0 };
  }
  let exact: readonly string[] | undefined = facts.exact;
  if (node.max !== node.min) exact = undefined;
  for (let count = 1; count < node.min && exact !== undefined; count += 1) exact = cross(exact, facts.exact!);
  let run: readonly string[] | undefined = facts.exact;
  for (let count = 1; count < Math.min(node.min, 8) && run !== undefined; count += 1) run = cross(run, facts.exact!);
  return {
    exact,
    starts: facts.starts,
    literals: better(run, facts.literals),
    sets: facts.sets,
    minLength: facts.minLength * node.min,
  };
}

function learn(node: Node): Facts {
  switch (node.kind) {
    case 'set':
      return ofSet(node.set);
    case 'cat':
      return ofSequence(node.parts);
    case 'alt':
      return ofAlternatives(node.options);
    case 'repeat':
      return ofRepeat(node);
    case 'group':
      return learn(node.node);
    case 'reference':
      return { ...nothing, exact: undefined };
    default:
      return nothing;
  }
}

function factsOf(node: Node): Requirements {
  const facts = learn(node);
  return {
    literals: better(better(facts.literals, facts.exact), facts.starts),
    sets: facts.sets,
    minLength: facts.minLength,
  };
}

/** @param ordinary bytes of ordinary text: without the others, much of an expression falls away and the rest tells more. */
export function requirementsOf(node: Node, ordinary: ByteSet): Requirements {
  const rest = restrict(node, ordinary);
  return { ...factsOf(node), ordinary: rest === undefined ? 'never' : factsOf(rest) };
}
