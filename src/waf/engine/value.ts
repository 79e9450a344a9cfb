import { createText, type Text, type TextMemory } from '../match/text.ts';
import { lowercase } from '../transformations/bytes.ts';

/** One member of a collection: `ARGS:id` and what it holds. */
export interface Value {
  /** `ARGS`. */
  readonly collection: string;
  /** As received; empty for a plain variable. */
  readonly key: string;
  readonly lowerKey: string;
  readonly text: Text;
  /** The API's schema leaves no room for an attack in it. */
  readonly pinned: boolean;
}

export function createValue(collection: string, key: string, text: Text | string, pinned = false): Value {
  const lowerKey = key === '' ? '' : lowercase(key);
  return { collection, key, lowerKey, text: typeof text === 'string' ? createText(text) : text, pinned };
}

/** `ARGS:id`, `REQUEST_METHOD`. */
export const nameOf = (value: Value): string =>
  value.key === '' ? value.collection : `${value.collection}:${value.key}`;

/** The same content in another collection. */
export const under = (collection: string, { key, lowerKey, text, pinned }: Value): Value => ({
  collection,
  key,
  lowerKey,
  text,
  pinned,
});

/** Collections of names: each key is a value of its own. Names are few, and come again. */
export const namesOf = (collection: string, values: readonly Value[], memory: TextMemory): Value[] =>
  values.map(({ key, lowerKey }) => ({ collection, key, lowerKey, text: memory.recall(key), pinned: false }));
