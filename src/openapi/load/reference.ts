import { posix } from 'node:path';
import { documentLimits } from '../config.ts';
import { isObject, type JsonObject, unescapeToken } from '../json.ts';
import { at, identityOf, type Loading, type Place, problem, rootOf } from './loading.ts';

/** A value and where it stands. */
export interface Located<T = unknown> {
  readonly value: T;
  readonly place: Place;
}

/** What `ref`, written at `place`, points to. Undefined where it points nowhere, which is reported. */
export function resolveRef(load: Loading, ref: string, place: Place): Located | undefined {
  const hash = ref.indexOf('#');
  const file = hash === -1 ? ref : ref.slice(0, hash);
  const source = file === '' ? place.source : openRelative(load, file, place);
  if (source === undefined) return undefined;
  const tokens = tokensOfFragment(hash === -1 ? '' : ref.slice(hash + 1));
  if (tokens === undefined) {
    return problem(
      load,
      'openapi.unresolved-ref',
      place,
      `\`${ref}\` is not a JSON pointer`,
      'write it as `#/components/…`',
    );
  }
  let here: Located = { value: source.root, place: rootOf(source) };
  for (const token of tokens) {
    const next = member(here, token);
    if (next === undefined)
      return problem(load, 'openapi.unresolved-ref', place, `\`${ref}\` points to nothing: there is no \`${token}\``);
    here = next;
  }
  return here;
}

function member({ value, place }: Located, token: string): Located | undefined {
  if (Array.isArray(value)) {
    return /^(0|[1-9]\d{0,8})$/.test(token) && Number(token) < value.length
      ? { value: value[Number(token)], place: at(place, token) }
      : undefined;
  }
  return isObject(value) && Object.hasOwn(value, token) ? { value: value[token], place: at(place, token) } : undefined;
}

function tokensOfFragment(fragment: string): string[] | undefined {
  if (fragment === '') return [];
  if (!fragment.startsWith('/')) return undefined;
  try {
    return decodeURIComponent(fragment).slice(1).split('/').map(unescapeToken);
  } catch {
    return undefined;
  }
}

function openRelative(load: Loading, file: string, place: Place) {
  if (/^[A-Za-z][A-Za-z0-9+.-]*:|^\/\/|\\/.test(file)) {
    return problem(
      load,
      'openapi.foreign-ref',
      place,
      `\`${file}\` is not a local file`,
      'save the file beside the document and refer to it by a relative path',
    );
  }
  const relative = tryDecode(file);
  if (relative === undefined || relative.startsWith('/') || relative.includes('\0')) {
    return problem(load, 'openapi.foreign-ref', place, `\`${file}\` is not a relative path`);
  }
  return load.open(posix.join(posix.dirname(place.source.path), relative), place);
}

function tryDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** The object that `value` is, or that it refers to by `$ref`. Undefined where there is none, which is reported. */
export function dereference(load: Loading, value: unknown, place: Place): Located<JsonObject> | undefined {
  let here: Located = { value, place };
  for (let hops = 0; isObject(here.value) && typeof here.value.$ref === 'string'; hops++) {
    if (hops > documentLimits.refChain)
      return problem(load, 'openapi.ref-cycle', place, `\`${here.value.$ref}\` leads through too many references`);
    const next = resolveRef(load, here.value.$ref, at(here.place, '$ref'));
    if (next === undefined) return undefined;
    here = next;
  }
  if (!isObject(here.value)) return problem(load, 'openapi.shape', here.place, 'an object is expected here');
  return here as Located<JsonObject>;
}

/** The key in `Loading.schemas` of the schema at `target`; it is queued for normalisation the first time. */
export function schemaKeyOf(load: Loading, target: Located): string {
  const identity = identityOf(target.place);
  const known = load.schemaKeys.get(identity);
  if (known !== undefined) return known;
  const name = target.place.key === '' ? posix.parse(target.place.source.path).name : target.place.key;
  const key = freshKey(load, name);
  load.schemaKeys.set(identity, key);
  load.schemaNames.set(key, name);
  // Taken at once, so that another schema of this name gets another key.
  load.schemas.set(key, true);
  load.pending.push({ key, ...target });
  return key;
}

function freshKey(load: Loading, name: string): string {
  const plain = name.replace(/[^A-Za-z0-9_.-]/g, '_').slice(0, 100);
  // A leading letter keeps `__proto__` and friends from being keys.
  const base = /^[A-Za-z]/.test(plain) ? plain : `s${plain}`;
  const safe = base in {} ? `${base}.` : base;
  let key = safe;
  for (let count = 2; load.schemas.has(key); count++) key = `${safe}.${count}`;
  return key;
}
