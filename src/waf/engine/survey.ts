import { setBit } from '../match/sieve.ts';
import type { SieveShelf } from '../match/sieve-shelf.ts';
import { type ChainNode, stepsOf, type Text } from '../match/text.ts';
import type { Requirements } from '../regex/requirements.ts';
import { collections, membersOf } from './collections.ts';
import type { Course, Step } from './foresight.ts';
import type { Condition, Link, Target, Transaction } from './model.ts';
import { collectFrom } from './targets.ts';
import type { Value } from './value.ts';
import { createWatch, examine, type Look, type Sifting, type Watch } from './watch.ts';

// Before the steps of a phase run, each value that any of them reads is looked at once: the sieve tells which steps it
// may concern, and their operators whether it does. The others are not run.

/** A step's interest in a value after a chain of transformations. */
interface Interest {
  readonly chain: ChainNode;
  readonly bit: number;
  readonly skipsPinned: boolean;
}

/** For one place: values that the API's schema pins meet with fewer interests. */
interface Watches {
  readonly free: Watch;
  readonly pinned: Watch;
}

/** One collection, or one path into an XML body. */
interface Source {
  read(transaction: Transaction): readonly Value[];
  /** By lower-case key. */
  readonly keyed: ReadonlyMap<string, Watches>;
  readonly others: Watches;
}

export interface Survey {
  /** Bit of each step that the sieve knows. */
  readonly bits: ReadonlyMap<Link, number>;
  /** Bits of the steps that values of this request concern. Valid until the next call. */
  look(transaction: Transaction, phase: number): Int32Array;
}

const always: Requirements = { literals: undefined, sets: [], minLength: 0 };

/** Collections whose texts are remembered: it pays to remember, too, which rules they do not match. */
const remembered: ReadonlySet<string> = new Set([
  'REQUEST_METHOD',
  'REQUEST_PROTOCOL',
  'REQUEST_HEADERS',
  'REQUEST_HEADERS_NAMES',
  'REQUEST_COOKIES_NAMES',
  'ARGS_NAMES',
  'ARGS_GET_NAMES',
  'REQUEST_FILENAME',
  'REQUEST_BASENAME',
]);

/** What values must have for the condition to hold; undefined where it cannot be asked in advance. */
function requirementsFor({ targets, operator, negated, parameter }: Condition): Requirements | undefined {
  if (!targets.stable || parameter.constant === undefined || targets.targets.some(({ counted }) => counted))
    return undefined;
  if (!negated && operator.requirements !== undefined) return operator.requirements;
  return targets.targets.every(({ collection }) => remembered.has(collection)) ? always : undefined;
}

/** Words of a set of steps, and per step the fewest bytes of a text that it matches. */
interface Sizes {
  readonly words: number;
  readonly minLengths: readonly number[];
}

function watchOf(interests: readonly Interest[], { words, minLengths }: Sizes, id: number): Watch {
  const looks = interests.map(({ chain, bit }): Look => {
    const mask = new Int32Array(words);
    setBit(mask, bit);
    return { chain: stepsOf(chain), mask };
  });
  return createWatch(looks, id, minLengths);
}

/** Findings about a remembered text that concerns no step. */
const nothing = new Int32Array(0);

function note(text: Text, watch: Watch, sifting: Sifting): Int32Array {
  const found = new Int32Array(sifting.sieve.words);
  examine(text, watch, sifting, found);
  const noted = found.some((bits) => bits !== 0) ? found : nothing;
  text.noted!.set(watch.id, noted);
  return noted;
}

function lookAt(text: Text, watch: Watch, sifting: Sifting, into: Int32Array): void {
  if (text.noted === undefined) return examine(text, watch, sifting, into);
  const found = text.noted.get(watch.id) ?? note(text, watch, sifting);
  for (let word = 0; word < found.length; word += 1) into[word]! |= found[word]!;
}

function lookAtSource(source: Source, transaction: Transaction, sifting: Sifting, into: Int32Array): void {
  const { keyed, others } = source;
  const values = source.read(transaction);
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index]!;
    const { free, pinned } = (keyed.size === 0 ? undefined : keyed.get(value.lowerKey)) ?? others;
    const watch = value.pinned ? pinned : free;
    if (watch.looks.length > 0) lookAt(value.text, watch, sifting, into);
  }
}

/** Interests in a source, as they are collected. */
interface SourceDraft {
  readonly target: Target;
  readonly collection: string;
  readonly everywhere: Interest[];
  readonly keyed: Map<string, Interest[]>;
}

/** Collections that are the sum of others: the same texts, looked at once for both. */
const sums: ReadonlyMap<string, readonly string[]> = new Map([
  ['ARGS', ['ARGS_GET', 'ARGS_POST']],
  ['ARGS_NAMES', ['ARGS_GET_NAMES', 'ARGS_POST_NAMES']],
]);

function addInterest(
  drafts: Map<string, SourceDraft>,
  collection: string,
  target: Target,
  interests: readonly Interest[],
): void {
  const isXml = collection === 'XML';
  const name = isXml ? `XML ${target.key}` : collection;
  let draft = drafts.get(name);
  if (draft === undefined) {
    draft = { target, collection, everywhere: [], keyed: new Map() };
    drafts.set(name, draft);
  }
  const { keyed, everywhere } = draft;
  if (isXml || target.key === undefined) everywhere.push(...interests);
  else keyed.set(target.key, [...(keyed.get(target.key) ?? []), ...interests]);
}

function sourceOf(
  { target, collection: name, everywhere, keyed }: SourceDraft,
  sizes: Sizes,
  shelf: SieveShelf,
): Source {
  const watch = (interests: readonly Interest[]): Watch => watchOf(interests, sizes, shelf.nextWatch());
  const watches = (interests: readonly Interest[]): Watches => ({
    free: watch(interests),
    pinned: watch(interests.filter(({ skipsPinned }) => !skipsPinned)),
  });
  const collection = collections.get(name);
  return {
    read(transaction) {
      if (collection !== undefined) return membersOf(transaction, collection);
      const values: Value[] = [];
      if (transaction.body.xml !== undefined) collectFrom(target, transaction, values);
      return values;
    },
    keyed: new Map([...keyed].map(([key, interests]) => [key, watches([...everywhere, ...interests])])),
    others: watches(everywhere),
  };
}

function sourcesOf(steps: readonly Step[], bits: ReadonlyMap<Link, number>, sizes: Sizes, shelf: SieveShelf): Source[] {
  const drafts = new Map<string, SourceDraft>();
  for (const { link } of steps) {
    const bit = bits.get(link);
    const { condition } = link;
    if (bit === undefined || condition === undefined) continue;
    const chains = condition.stages.length === 0 ? [condition.chain] : condition.stages;
    const interests = chains.map((chain): Interest => ({ chain, bit, skipsPinned: condition.skipsPinned }));
    for (const target of condition.targets.targets)
      for (const name of sums.get(target.collection) ?? [target.collection])
        addInterest(drafts, name, target, interests);
  }
  return [...drafts.values()].map((draft) => sourceOf(draft, sizes, shelf));
}

/** Sets up the survey of some phases of a course. */
export function planSurvey({ phases }: Course, surveyed: readonly number[], shelf: SieveShelf): Survey {
  const bits = new Map<Link, number>();
  const patterns: Requirements[] = [];
  const conditions: Condition[] = [];
  for (const { link } of surveyed.flatMap((phase) => phases[phase]!)) {
    const { condition } = link;
    const requirements = condition === undefined ? undefined : requirementsFor(condition);
    if (condition === undefined || requirements === undefined) continue;
    bits.set(link, patterns.length);
    patterns.push(requirements);
    conditions.push(condition);
  }
  const key = [...bits.keys()].map(({ id, at }) => `${id}@${at.file}:${at.line}`).join();
  const sieve = shelf.take(key, patterns);
  const hot = new Int32Array(sieve.words);
  const minLengths = patterns.map(({ minLength }) => minLength);
  const sizes: Sizes = { words: sieve.words, minLengths };
  const sources = phases.map((steps, phase) => (surveyed.includes(phase) ? sourcesOf(steps, bits, sizes, shelf) : []));
  const sifting: Sifting = { sieve, conditions, minLengths, inner: new Map() };
  return {
    bits,
    look(transaction, phase) {
      hot.fill(0);
      for (const source of sources[phase]!) lookAtSource(source, transaction, sifting, hot);
      return hot;
    },
  };
}
