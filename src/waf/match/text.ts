import { type ByteSet, bytesIn } from '../regex/byte-set.ts';
import type { Transformation } from '../transformations/index.ts';
import { isIdle, type Trigger } from '../transformations/triggers.ts';
import { type Kinds, kindsIn } from './byte-kinds.ts';

/**
 * A byte string under inspection, with everything that was ever worked out about it: its transformed forms, which
 * patterns may match it. A transformation that changes nothing gives back the same text, so its findings are shared.
 */
export interface Text {
  readonly raw: string;
  kinds: Kinds | undefined;
  bytes: ByteSet | undefined;
  /** By id of the chain node. */
  derived: (Text | undefined)[] | undefined;
  /** What `sievedBy` told last, where texts share that; else it has it, for a while, as a finding. */
  candidates: Int32Array | undefined;
  finding: number;
  /** Id of that sieve. */
  sievedBy: number;
  /** By id of the watch, for texts that are remembered: which steps it concerns. */
  noted: Map<number, Int32Array> | undefined;
  /** By expression, for texts that are remembered: what a match captured. */
  captured: Map<object, readonly (string | undefined)[]> | undefined;
}

export const createText = (raw: string): Text => ({
  raw,
  kinds: undefined,
  bytes: undefined,
  derived: undefined,
  candidates: undefined,
  finding: 0,
  sievedBy: -1,
  noted: undefined,
  captured: undefined,
});

export const bytesOfText = (text: Text): ByteSet => (text.bytes ??= bytesIn(text.raw));

export const kindsOfText = (text: Text): Kinds => (text.kinds ??= kindsIn(text.raw));

/** Texts that come again with every request: what was found out about one is kept for the next. */
export interface TextMemory {
  recall(raw: string): Text;
}

const maxRemembered = 2048;
const maxRememberedBytes = 512;
const doorBits = 12;

/** Tells whether a text was here before: of most texts that are here once, nothing is kept but a number. */
function createDoor(): (raw: string) => boolean {
  const seen = new Int32Array(1 << doorBits);
  return (raw) => {
    let hash = raw.length + 1;
    for (let at = 0; at < raw.length; at += 1) hash = Math.imul(hash ^ raw.charCodeAt(at), 0x01000193);
    const slot = hash >>> (32 - doorBits);
    const isKnown = seen[slot] === hash;
    seen[slot] = hash;
    return isKnown;
  };
}

export function createTextMemory(): TextMemory {
  let young = new Map<string, Text>();
  let old = new Map<string, Text>();
  const isKnown = createDoor();
  return {
    recall(raw) {
      let text = young.get(raw);
      if (text !== undefined) return text;
      text = old.get(raw);
      if (text === undefined) {
        text = createText(raw);
        // Paths, lengths and dates come once; to remember each would cost more than to look at it.
        if (raw.length > maxRememberedBytes || !isKnown(raw)) return text;
      }
      text.noted ??= new Map();
      // Two generations: what is not asked for while one fills up is forgotten.
      if (young.size >= maxRemembered / 2) {
        old = young;
        young = new Map();
      }
      young.set(raw, text);
      return text;
    },
  };
}

/** A chain of transformations: all but the last (`parent`), then the last. */
export interface ChainNode {
  readonly id: number;
  readonly parent: ChainNode | undefined;
  readonly name: string;
  readonly transform: Transformation;
  readonly trigger: Trigger;
}

/** Interns chains, so that rules with the same beginnings share results. */
export interface ChainTable {
  readonly root: ChainNode;
  extend(chain: ChainNode, name: string, transform: Transformation, trigger: Trigger): ChainNode;
}

export function createChainTable(): ChainTable {
  const root: ChainNode = {
    id: 0,
    parent: undefined,
    name: '',
    transform: (text) => text,
    trigger: { needs: 0, growth: 1 },
  };
  const nodes = new Map<string, ChainNode>();
  return {
    root,
    extend(chain, name, transform, trigger) {
      const key = `${chain.id} ${name}`;
      const known = nodes.get(key);
      if (known !== undefined) return known;
      const node: ChainNode = { id: nodes.size + 1, parent: chain, name, transform, trigger };
      nodes.set(key, node);
      return node;
    },
  };
}

/** The text after a chain. Each step is done once for a text, whatever rules ask. */
export function transformed(text: Text, chain: ChainNode): Text {
  if (chain.parent === undefined) return text;
  const known = text.derived?.[chain.id];
  if (known !== undefined) return known;
  const before = transformed(text, chain.parent);
  if (isIdle(chain.trigger, kindsOfText(before))) return before;
  const raw = chain.transform(before.raw);
  const after = raw === before.raw ? before : createText(raw);
  if (text.noted !== undefined) after.noted ??= new Map();
  text.derived ??= [];
  text.derived[chain.id] = after;
  return after;
}

/** The transformations of a chain, in order. */
export function stepsOf(chain: ChainNode): readonly ChainNode[] {
  const steps: ChainNode[] = [];
  for (let node = chain; node.parent !== undefined; node = node.parent) steps.push(node);
  return steps.reverse();
}
