import { MerlonError } from '../../core/errors.ts';
import { expand, type Macro, type MacroName, namesIn, parseMacro } from '../language/macro.ts';
import { leadingInteger } from '../operators/strings.ts';
import { lowercase } from '../transformations/bytes.ts';
import type { Effect, Reach, Transaction } from './model.ts';
import { createValue, type Value } from './value.ts';

const maxVariables = 4096;
/** Collections that rules write. */
export const storeNames: ReadonlySet<string> = new Set(['TX', 'IP', 'GLOBAL', 'SESSION', 'USER', 'RESOURCE']);

/** A variable of TX: as this request has set it, or else as it stands for all requests. */
export function txValue({ variables, standing }: Transaction, lowerKey: string): Value | undefined {
  const own = variables.get(lowerKey);
  if (own !== undefined || variables.size === 0) return own ?? standing.variables.get(lowerKey);
  return variables.has(lowerKey) ? undefined : standing.variables.get(lowerKey);
}

/** All variables of TX. */
export function txValues({ variables, standing }: Transaction): Map<string, Value> {
  const all = new Map(standing.variables);
  for (const [key, value] of variables) {
    if (value === undefined) all.delete(key);
    else all.set(key, value);
  }
  return all;
}

/** Whether this request has set, or removed, a variable whose name is wanted. */
function concerns(variables: Transaction['variables'], wants: (value: Value) => boolean): boolean {
  for (const [lowerKey, value] of variables) if (wants(value ?? createValue('TX', lowerKey, ''))) return true;
  return false;
}

/** Variables of TX whose names are wanted; `kept` holds those that stand for all requests. */
export function txSelected(
  { variables, standing }: Transaction,
  wants: (value: Value) => boolean,
  kept: WeakMap<ReadonlyMap<string, Value>, readonly Value[]>,
): readonly Value[] {
  let common = kept.get(standing.variables);
  if (common === undefined) {
    common = [...standing.variables.values()].filter(wants);
    kept.set(standing.variables, common);
  }
  if (variables.size === 0 || !concerns(variables, wants)) return common;
  const own = [...variables.values()].filter((value) => value !== undefined && wants(value)) as Value[];
  return [...common.filter(({ lowerKey }) => !variables.has(lowerKey)), ...own];
}

/** Sets a variable of TX. */
export function setTx(transaction: Transaction, key: string, value: string): void {
  const { variables } = transaction;
  const lower = lowercase(key);
  if (lower.length === 1) transaction.captures = 10;
  if (variables.size < maxVariables || variables.has(lower)) variables.set(lower, createValue('TX', key, value));
}

export const removeTx = ({ variables }: Transaction, key: string): void =>
  void variables.set(lowercase(key), undefined);

const captureKeys = Array.from({ length: 10 }, (_none, index) => String(index));

/** Puts TX.0 to TX.9 in place of what the match before has left there. */
export function putCaptures(transaction: Transaction, captures: readonly (Value | undefined)[]): void {
  const found = Math.min(captures.length, captureKeys.length);
  for (let index = 0; index < Math.max(found, transaction.captures); index += 1)
    transaction.variables.set(captureKeys[index]!, captures[index]);
  transaction.captures = found;
}

/** Keeps what a match captured. */
export function setCaptures(transaction: Transaction, captures: readonly (string | undefined)[]): void {
  const toValue = (capture: string | undefined, index: number): Value | undefined =>
    capture === undefined ? undefined : createValue('TX', String(index), capture);
  putCaptures(transaction, captures.slice(0, captureKeys.length).map(toValue));
}

/** Where variables of a collection are kept. */
interface Store {
  get(key: string): string | undefined;
  set(key: string, value: string): void;
  remove(key: string): void;
}

const txStore = (transaction: Transaction): Store => ({
  get: (key) => txValue(transaction, lowercase(key))?.text.raw,
  set: (key, value) => setTx(transaction, key, value),
  remove: (key) => removeTx(transaction, key),
});

function storeOf(transaction: Transaction, name: string): Store {
  if (name === 'TX') return txStore(transaction);
  transaction.stores ??= new Map();
  let store = transaction.stores.get(name);
  if (store === undefined) {
    store = new Map();
    transaction.stores.set(name, store);
  }
  const values = store;
  return {
    get: (key) => values.get(lowercase(key))?.text.raw,
    set(key, value) {
      const lower = lowercase(key);
      if (values.size < maxVariables || values.has(lower)) values.set(lower, createValue(name, key, value));
    },
    remove: (key) => void values.delete(lowercase(key)),
  };
}

interface Assignment {
  readonly collection: string;
  readonly key: Macro;
  readonly operation: 'set' | 'add' | 'subtract' | 'remove';
  readonly value: Macro;
}

const assignmentForm = /^(!?)\s*([A-Za-z]+)\.([^=]+?)\s*(?:=\s*([+-]?)(.*))?$/s;

function parseAssignment(text: string): Assignment {
  const match = assignmentForm.exec(text);
  if (match === null)
    throw new MerlonError({ code: 'waf.bad-value', message: `\`setvar:${text}\` is not an assignment` });
  const collection = match[2]!.toUpperCase();
  if (!storeNames.has(collection)) {
    throw new MerlonError({ code: 'waf.bad-value', message: `\`setvar\` cannot write to \`${match[2]}\`` });
  }
  const operation = match[1] === '!' ? 'remove' : match[4] === '+' ? 'add' : match[4] === '-' ? 'subtract' : 'set';
  return { collection, key: parseMacro(match[3]!), operation, value: parseMacro(match[5] ?? '1') };
}

function reachOf({ collection, key }: Assignment): Reach {
  const name = key.constant === undefined ? undefined : lowercase(key.constant);
  if (collection !== 'TX') return { kind: 'store', collection, key: name };
  if (name === undefined) {
    const [start] = key.parts;
    return typeof start === 'string' ? { kind: 'variables', prefix: lowercase(start) } : { kind: 'anything' };
  }
  return { kind: 'variable', key: name };
}

function readsOf({ collection, key, operation, value }: Assignment): MacroName[] {
  const named = [...namesIn(key), ...namesIn(value)];
  const counts = operation === 'add' || operation === 'subtract';
  if (!counts || key.constant === undefined) return named;
  return [{ collection, key: key.constant, lowerKey: lowercase(key.constant) }, ...named];
}

/** `tx.score=+%{tx.critical}`, `!tx.gone`, `tx.flag`. */
export function compileSetvar(text: string): Effect {
  const assignment = parseAssignment(text);
  const { collection, key, operation, value } = assignment;
  return {
    reach: reachOf(assignment),
    reads: readsOf(assignment),
    apply(transaction) {
      const store = storeOf(transaction, collection);
      const name = expand(key, transaction);
      if (operation === 'remove') return store.remove(name);
      const operand = expand(value, transaction);
      if (operation === 'set') return store.set(name, operand);
      const before = leadingInteger(store.get(name) ?? '0');
      const change = leadingInteger(operand);
      store.set(name, String(operation === 'add' ? before + change : before - change));
    },
  };
}

/** `ip=%{remote_addr}`: the collection lives as long as the transaction; its key is kept in it. */
export function compileInitcol(text: string): Effect {
  const match = /^([A-Za-z]+)=(.+)$/s.exec(text);
  const collection = match?.[1]?.toUpperCase() ?? '';
  if (match === null || !storeNames.has(collection) || collection === 'TX') {
    throw new MerlonError({ code: 'waf.bad-value', message: `\`initcol:${text}\` names no collection` });
  }
  const key = parseMacro(match[2]!);
  return {
    reach: { kind: 'store', collection, key: 'key' },
    reads: namesIn(key),
    apply: (transaction) => storeOf(transaction, collection).set('KEY', expand(key, transaction)),
  };
}
