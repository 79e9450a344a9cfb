import type { Text } from '../match/text.ts';
import type { Transaction } from './model.ts';
import { createValue, type Value } from './value.ts';

/** Computes the members of a collection. */
export type Provider = (transaction: Transaction) => readonly Value[];

/** Providers of exactly one value. */
const singles = new Set<Provider>();

export const isSingle = (provide: Provider): boolean => singles.has(provide);

function single(provide: Provider): Provider {
  singles.add(provide);
  return provide;
}

/** One value, read anew for each request. */
export const scalar = (name: string, read: (transaction: Transaction) => string | number): Provider =>
  single((transaction) => [createValue(name, '', String(read(transaction)))]);

/**
 * Values of one name for texts that are remembered: for as long as the same text is asked about, it is the same value. The text
 * is of the engine that remembers it, and findings about it mean nothing to another.
 */
function lastValueOf(name: string): (text: Text) => readonly Value[] {
  let last: readonly [Value] = [createValue(name, '', '')];
  return (text) => {
    if (last[0].text !== text) last = [createValue(name, '', text)];
    return last;
  };
}

/** The same for what takes few values. */
export function recurring(name: string, read: (transaction: Transaction) => string): Provider {
  const toValue = lastValueOf(name);
  return single((transaction) => toValue(transaction.memory.recall(read(transaction))));
}

/** The same for what is so or not. */
export const flag = (name: string, holds: (transaction: Transaction) => boolean): Provider =>
  recurring(name, (transaction) => (holds(transaction) ? '1' : '0'));

/** The same for targets: paths are few, queries are not, and may hold what is secret. */
export function target(name: string, read: (transaction: Transaction) => string): Provider {
  const toValue = lastValueOf(name);
  return single((transaction) => {
    const raw = read(transaction);
    return raw.includes('?') ? [createValue(name, '', raw)] : toValue(transaction.memory.recall(raw));
  });
}
