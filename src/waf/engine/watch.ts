import type { Scope } from '../language/macro.ts';
import { allKinds, type Kinds } from '../match/byte-kinds.ts';
import { hasBit, type Sieve } from '../match/sieve.ts';
import { type ChainNode, createText, kindsOfText, type Text } from '../match/text.ts';
import { isIdle } from '../transformations/triggers.ts';
import type { Condition } from './model.ts';

// What is to be found out about a text is a tree: some steps ask about the text as it is, others about what their
// transformations make of it. The kinds of its bytes tell which transformations leave it alone; those fall away, so that
// most texts are sifted once, whatever number of chains rules have for them.

/** Interest of some steps (bits of the mask) in a text after the transformations that are still to come. */
export interface Look {
  readonly chain: readonly ChainNode[];
  readonly mask: Int32Array;
}

/** What is to be found out about a text. */
export interface Watch {
  readonly id: number;
  readonly looks: readonly Look[];
  /** Kinds that any transformation needs before it changes a text: texts that differ in others share a plan. */
  readonly telling: Kinds;
  readonly plans: Map<Kinds, Plan>;
  /** For texts of any kinds, while there are too many plans; made when first needed. */
  common: Plan | undefined;
  /** Texts that went by it since. */
  crowd: number;
  /** Shorter texts are too short for all steps that ask. */
  readonly minLength: number;
}

/** The watch over texts made of some kinds of bytes. */
interface Plan {
  /** Steps that ask about the text as it is; undefined where none does. */
  readonly mask: Int32Array | undefined;
  /** The same as a list, where they are few. */
  readonly few: readonly number[] | undefined;
  readonly branches: readonly Branch[];
}

/** A transformation, and what is to be found out about its result. */
interface Branch {
  readonly node: ChainNode;
  readonly watch: Watch;
  /** The same of the text before the transformation. */
  readonly minLength: number;
  /** What is to be found out about a text that the transformation leaves alone; made when first needed. */
  unchanged: Plan | undefined;
  /** Of a common plan: then that depends on the text. */
  readonly isCommon: boolean;
}

/** A sieve, and per bit the condition that a candidate must meet. */
export interface Sifting {
  readonly sieve: Sieve;
  readonly conditions: readonly Condition[];
  /** Per bit, the fewest bytes of a text that the step matches. */
  readonly minLengths: readonly number[];
  /** Watches over what transformations make of texts, by what they look for. */
  readonly inner: Map<string, Watch>;
}

/** Conditions that are asked in advance depend on no variable. */
const noVariables: Scope = { lookUp: () => '' };

/** So many steps are asked about one by one. */
const maxFew = 4;
const maxPlans = 256;
const maxCrowd = 16 * maxPlans;
const maxInner = 4096;

const keyOf = (chain: readonly ChainNode[]): string => chain.map(({ name }) => name).join();

/** Looks with the same transformations become one. */
function merge(looks: readonly Look[]): Look[] {
  const merged = new Map<string, Look>();
  for (const { chain, mask } of looks) {
    const key = keyOf(chain);
    const known = merged.get(key);
    if (known === undefined) merged.set(key, { chain, mask: mask.slice() });
    else for (const [word, bits] of mask.entries()) known.mask[word]! |= bits;
  }
  return [...merged.values()];
}

export function createWatch(looks: readonly Look[], id: number, minLengths: readonly number[]): Watch {
  const needs = looks.flatMap(({ chain }) =>
    chain.map(({ trigger }) => (trigger.needs === allKinds ? 0 : trigger.needs)),
  );
  return {
    id,
    looks: merge(looks),
    telling: needs.reduce((all, one) => all | one, 0),
    plans: new Map(),
    common: undefined,
    crowd: 0,
    minLength: Math.min(...looks.map((look) => minLengthFor(look, minLengths))),
  };
}

function innerWatch(looks: readonly Look[], { inner, minLengths }: Sifting): Watch {
  const merged = merge(looks);
  const key = merged.map(({ chain, mask }) => `${keyOf(chain)}:${mask.join()}`).join(';');
  const known = inner.get(key);
  if (known !== undefined) return known;
  const watch = createWatch(merged, -1, minLengths);
  if (inner.size >= maxInner) inner.clear();
  inner.set(key, watch);
  return watch;
}

/** The shortest text that comes out long enough for one of the steps of a look; 0 where the text may grow on the way. */
function minLengthFor({ chain, mask }: Look, minLengths: readonly number[]): number {
  const growth = chain.reduce((product, { trigger }) => product * trigger.growth, 1);
  const asking = minLengths.filter((_length, bit) => hasBit(mask, bit));
  return Math.min(...asking) / growth;
}

function branchOf(node: ChainNode, looks: readonly Look[], isCommon: boolean, sifting: Sifting): Branch {
  const rest = looks.map(({ chain, mask }): Look => ({ chain: chain.slice(1), mask }));
  const minLength = Math.min(...looks.map((look) => minLengthFor(look, sifting.minLengths)));
  return { node, watch: innerWatch(rest, sifting), minLength, unchanged: undefined, isCommon };
}

function makePlan(watch: Watch, kinds: Kinds, sifting: Sifting): Plan {
  const mask = new Int32Array(sifting.sieve.words);
  const branches = new Map<string, Look[]>();
  for (const look of watch.looks) {
    const start = look.chain.findIndex(({ trigger }) => !isIdle(trigger, kinds));
    if (start < 0) for (const [word, bits] of look.mask.entries()) mask[word]! |= bits;
    else {
      const chain = look.chain.slice(start);
      const { name } = chain[0]!;
      branches.set(name, [...(branches.get(name) ?? []), { chain, mask: look.mask }]);
    }
  }
  const asked = sifting.conditions.flatMap((_condition, bit) => (hasBit(mask, bit) ? [bit] : []));
  const isCommon = kinds === allKinds;
  return {
    mask: mask.some((bits) => bits !== 0) ? mask : undefined,
    few: asked.length <= maxFew ? asked : undefined,
    branches: [...branches.values()].map((looks) => branchOf(looks[0]!.chain[0]!, looks, isCommon, sifting)),
  };
}

/**
 * To make a plan costs what many texts cost. Whoever sends texts each of other kinds is answered by a plan for all, and from time to time
 * plans are made anew for those who come now.
 */
function planFor(watch: Watch, kinds: Kinds, sifting: Sifting): Plan {
  if (watch.plans.size >= maxPlans) {
    watch.crowd += 1;
    if (watch.crowd < maxCrowd) return (watch.common ??= makePlan(watch, allKinds, sifting));
    watch.crowd = 0;
    watch.plans.clear();
  }
  const plan = makePlan(watch, kinds, sifting);
  watch.plans.set(kinds, plan);
  return plan;
}

/** Sets the bits of those candidates for which their condition holds. */
function confirm(
  text: Text,
  word: number,
  candidates: number,
  conditions: readonly Condition[],
  into: Int32Array,
): void {
  for (let left = candidates; left !== 0; left &= left - 1) {
    const bit = 31 - Math.clz32(left & -left);
    const { operator, negated } = conditions[word * 32 + bit]!;
    if (operator.matches(text, noVariables) !== negated) into[word]! |= 1 << bit;
  }
}

function sift(text: Text, mask: Int32Array, few: Plan['few'], { sieve, conditions }: Sifting, into: Int32Array): void {
  const isSifted = text.sievedBy === sieve.id;
  const candidates = few === undefined || isSifted ? sieve.candidates(text) : sieve.few(text, few);
  for (let word = 0; word < into.length; word += 1) {
    const open = candidates[word]! & mask[word]! & ~into[word]!;
    if (open !== 0) confirm(text, word, open, conditions, into);
  }
}

const planOf = (watch: Watch, kinds: Kinds, sifting: Sifting): Plan =>
  watch.plans.get(kinds & watch.telling) ?? planFor(watch, kinds & watch.telling, sifting);

function planUnchanged(branch: Branch, text: Text, sifting: Sifting): Plan {
  if (branch.unchanged !== undefined) return branch.unchanged;
  const plan = planOf(branch.watch, kindsOfText(text), sifting);
  if (!branch.isCommon && plan !== branch.watch.common) branch.unchanged = plan;
  return plan;
}

function carryOut(text: Text, { mask, few, branches }: Plan, sifting: Sifting, into: Int32Array): void {
  if (mask !== undefined) sift(text, mask, few, sifting, into);
  for (let index = 0; index < branches.length; index += 1) {
    const branch = branches[index]!;
    if (text.raw.length < branch.minLength) continue;
    const raw = branch.node.transform(text.raw);
    if (raw !== text.raw) examineMade(raw, branch.watch, sifting, into);
    else carryOut(text, planUnchanged(branch, text, sifting), sifting, into);
  }
}

/** As `examine`, of what a transformation has made: often too little to be looked at. */
function examineMade(raw: string, watch: Watch, sifting: Sifting, into: Int32Array): void {
  if (raw.length >= watch.minLength) examine(createText(raw), watch, sifting, into);
}

/** Sets the bits of the steps that the text concerns. */
export function examine(text: Text, watch: Watch, sifting: Sifting, into: Int32Array): void {
  if (text.raw.length >= watch.minLength) carryOut(text, planOf(watch, kindsOfText(text), sifting), sifting, into);
}
