import type { Long } from './longs.ts';

/** The name of an entity. The data behind it is the entity source's affair. */
export class EntityUid {
  readonly type: string;
  readonly id: string;

  constructor(type: string, id: string) {
    this.type = type;
    this.id = id;
  }
}

/** Whether two names are one. */
export function same(a: EntityUid, b: EntityUid): boolean {
  return a === b || (a.id === b.id && a.type === b.type);
}

/** A record, or an entity's attributes or tags. Implemented lazily for requests. */
export interface CedarRecord {
  readonly record: true;
  get(name: string): Value | undefined;
  names(): Iterable<string>;
}

/** A value of an extension type (decimal, ipaddr, datetime, duration). */
export interface Extension {
  readonly extension: string;
  equals(other: Extension): boolean;
  toString(): string;
}

export type Value = boolean | Long | string | EntityUid | CedarSet | CedarRecord | Extension;

/** A record of given fields. */
export class MapRecord implements CedarRecord {
  readonly record = true;
  readonly #fields: ReadonlyMap<string, Value>;

  constructor(fields: ReadonlyMap<string, Value>) {
    this.#fields = fields;
  }

  get(name: string): Value | undefined {
    return this.#fields.get(name);
  }

  names(): Iterable<string> {
    return this.#fields.keys();
  }
}

/** The record without fields. */
export const emptyRecord: CedarRecord = new MapRecord(new Map());

// Below this many elements, walking the array is quicker than hashing.
const smallSet = 8;

/** An unordered set. Elements may repeat in `items`; no operation can tell. */
export class CedarSet {
  readonly items: readonly Value[];
  #primitives: Set<Value> | undefined;
  #objects: readonly Value[] | undefined;

  constructor(items: readonly Value[]) {
    this.items = items;
  }

  contains(value: Value): boolean {
    if (this.items.length <= smallSet) return includesEqual(this.items, value);
    if (this.#primitives === undefined) this.#index();
    if (typeof value !== 'object') return (this.#primitives as Set<Value>).has(value);
    return includesEqual(this.#objects as readonly Value[], value);
  }

  containsAll(other: CedarSet): boolean {
    return other.items.every((item) => this.contains(item));
  }

  containsAny(other: CedarSet): boolean {
    return other.items.some((item) => this.contains(item));
  }

  #index(): void {
    this.#primitives = new Set(this.items.filter((item) => typeof item !== 'object'));
    this.#objects = this.items.filter((item) => typeof item === 'object');
  }
}

function includesEqual(items: readonly Value[], value: Value): boolean {
  for (let at = 0; at < items.length; at++) {
    if (equal(items[at] as Value, value)) return true;
  }
  return false;
}

export function isRecord(value: Value): value is CedarRecord {
  return typeof value === 'object' && 'record' in value;
}

export function isExtension(value: Value): value is Extension {
  return typeof value === 'object' && 'extension' in value;
}

/** Cedar's `==`: values of different types are unequal, never an error. */
export function equal(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  if (a instanceof EntityUid) return b instanceof EntityUid && same(a, b);
  if (a instanceof CedarSet) return b instanceof CedarSet && a.containsAll(b) && b.containsAll(a);
  if (isRecord(a)) return isRecord(b) && equalRecords(a, b);
  return isExtension(b) && a.equals(b);
}

function equalRecords(a: CedarRecord, b: CedarRecord): boolean {
  let size = 0;
  for (const name of a.names()) {
    const left = a.get(name);
    const right = b.get(name);
    if (left === undefined || right === undefined || !equal(left, right)) return false;
    size++;
  }
  for (const _ of b.names()) size--;
  return size === 0;
}

/** What a value is, in error messages. */
export function typeName(value: Value): string {
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'string';
  if (typeof value !== 'object') return 'long';
  if (value instanceof EntityUid) return `entity of type \`${value.type}\``;
  if (value instanceof CedarSet) return 'set';
  return isRecord(value) ? 'record' : value.extension;
}
