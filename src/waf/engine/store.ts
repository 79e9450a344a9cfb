import { MerlonError } from '../../core/errors.ts';
import { expand, type Macro, parseMacro } from '../language/macro.ts';
import { leadingInteger } from '../operators/strings.ts';
import { lowercase } from '../transformations/bytes.ts';
import type { Effect, Transaction } from './model.ts';
import { createValue, type Value } from './value.ts';

const maxVariables = 4096;
const storeNames: ReadonlySet<string> = new Set(['TX', 'IP', 'GLOBAL', 'SESSION', 'USER', 'RESOURCE']);

function storeOf(transaction: Transaction, name: string): Map<string, Value> {
  if (name === 'TX') return transaction.tx;
  let store = transaction.stores.get(name);
  if (store === undefined) {
    store = new Map();
    transaction.stores.set(name, store);
  }
  return store;
}

/** Sets a variable of TX. */
export function setTx(transaction: Transaction, key: string, value: string): void {
  put(transaction.tx, 'TX', key, value);
}

function put(store: Map<string, Value>, collection: string, key: string, value: string): void {
  const lower = lowercase(key);
  if (store.size >= maxVariables && !store.has(lower)) return;
  store.set(lower, createValue(collection, key, value));
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

/** `tx.score=+%{tx.critical}`, `!tx.gone`, `tx.flag`. */
export function compileSetvar(text: string): Effect {
  const { collection, key, operation, value } = parseAssignment(text);
  return (transaction) => {
    const store = storeOf(transaction, collection);
    const name = expand(key, transaction);
    if (operation === 'remove') {
      store.delete(lowercase(name));
      return;
    }
    const operand = expand(value, transaction);
    if (operation === 'set') return put(store, collection, name, operand);
    const before = leadingInteger(store.get(lowercase(name))?.text.raw ?? '0');
    const change = leadingInteger(operand);
    put(store, collection, name, String(operation === 'add' ? before + change : before - change));
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
  return (transaction) => put(storeOf(transaction, collection), collection, 'KEY', expand(key, transaction));
}
