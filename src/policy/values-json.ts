import { MerlonError } from '../core/errors.ts';
import { extensionFunctions } from './extensions/registry.ts';
import { tryLong } from './longs.ts';
import { CedarSet, EntityUid, MapRecord, type Value } from './values.ts';

/** A value in Cedar's JSON entity format: plain JSON with `__entity` and `__extn` escapes. Bigints stand for long longs. */
export type ValueJson =
  | boolean
  | number
  | bigint
  | string
  | null
  | readonly ValueJson[]
  | { readonly [name: string]: ValueJson };

/** Throws `policy.value` where `json` is no Cedar value, and `EvaluationError` where an extension's text is invalid. */
export function valueOfJson(json: ValueJson): Value {
  if (typeof json === 'boolean' || typeof json === 'string') return json;
  if (typeof json === 'number' && Number.isSafeInteger(json)) return json;
  if (typeof json === 'bigint') return tryLong(json) ?? invalid('a long outside 64 bits');
  if (Array.isArray(json)) return new CedarSet(json.map(valueOfJson));
  if (typeof json === 'object' && json !== null) return objectOf(json as Record<string, ValueJson>);
  return invalid(json === null ? 'null' : 'a number that is no safe integer');
}

function objectOf(json: Readonly<Record<string, ValueJson>>): Value {
  const keys = Object.keys(json);
  if (keys.length === 1 && keys[0] === '__entity') return uidOf(json.__entity as unknown as EntityUid);
  if (keys.length === 1 && keys[0] === '__extn') return extensionOf(json.__extn as Record<string, ValueJson>);
  return recordOf(json);
}

/** A record of values. */
export function recordOf(json: Readonly<Record<string, ValueJson>>): MapRecord {
  return new MapRecord(new Map(Object.entries(json).map(([name, value]) => [name, valueOfJson(value)])));
}

/** An entity's name, with or without the `__entity` escape. */
export function uidOf(
  json: { readonly type: string; readonly id: string } | { readonly __entity: EntityUid },
): EntityUid {
  const { type, id } = '__entity' in json ? json.__entity : json;
  if (typeof type !== 'string' || typeof id !== 'string') return invalid('an entity without type and id');
  return new EntityUid(type, id);
}

function extensionOf(json: Readonly<Record<string, ValueJson>>): Value {
  const found = extensionFunctions.get(String(json.fn));
  const args = Array.isArray(json.args) ? (json.args as ValueJson[]) : [json.arg as ValueJson];
  if (found === undefined || args.length !== found.arity) return invalid(`the function \`${String(json.fn)}\``);
  const [a, b] = args.map(valueOfJson);
  return found.call(a as Value, b as Value);
}

function invalid(what: string): never {
  throw new MerlonError({ code: 'policy.value', message: `${what} is no Cedar value` });
}
