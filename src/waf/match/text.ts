import { type ByteSet, bytesIn } from '../regex/byte-set.ts';
import type { Transformation } from '../transformations/index.ts';

/**
 * A byte string under inspection, with everything that was ever worked out about it: its transformed forms, which
 * patterns may match it. A transformation that changes nothing gives back the same text, so its findings are shared.
 */
export interface Text {
  readonly raw: string;
  /** By id of the chain node. */
  readonly derived: (Text | undefined)[];
  /** By id of the sieve. */
  readonly candidates: (Uint32Array | undefined)[];
  bytes: ByteSet | undefined;
}

export const createText = (raw: string): Text => ({ raw, derived: [], candidates: [], bytes: undefined });

export const bytesOfText = (text: Text): ByteSet => (text.bytes ??= bytesIn(text.raw));

/** Texts that come again with every request: what was found out about one is kept for the next. */
export interface TextMemory {
  recall(raw: string): Text;
}

const maxRemembered = 2048;
const maxRememberedBytes = 512;

export function createTextMemory(): TextMemory {
  let young = new Map<string, Text>();
  let old = new Map<string, Text>();
  return {
    recall(raw) {
      let text = young.get(raw);
      if (text !== undefined) return text;
      text = old.get(raw) ?? createText(raw);
      if (raw.length > maxRememberedBytes) return text;
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
  readonly transform: Transformation;
}

/** Interns chains, so that rules with the same beginnings share results. */
export interface ChainTable {
  readonly root: ChainNode;
  extend(chain: ChainNode, name: string, transform: Transformation): ChainNode;
}

export function createChainTable(): ChainTable {
  const root: ChainNode = { id: 0, parent: undefined, transform: (text) => text };
  const nodes = new Map<string, ChainNode>();
  return {
    root,
    extend(chain, name, transform) {
      const key = `${chain.id} ${name}`;
      const known = nodes.get(key);
      if (known !== undefined) return known;
      const node: ChainNode = { id: nodes.size + 1, parent: chain, transform };
      nodes.set(key, node);
      return node;
    },
  };
}

/** The text after a chain. Each step is done once for a text, whatever rules ask. */
export function transformed(text: Text, chain: ChainNode): Text {
  if (chain.parent === undefined) return text;
  const known = text.derived[chain.id];
  if (known !== undefined) return known;
  const before = transformed(text, chain.parent);
  const raw = chain.transform(before.raw);
  const after = raw === before.raw ? before : createText(raw);
  text.derived[chain.id] = after;
  return after;
}
