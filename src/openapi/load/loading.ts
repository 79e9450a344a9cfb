import type { DocumentNote, SchemaObject } from '../../api/openapi.ts';
import { documentLimits } from '../config.ts';
import type { ProblemCode, WarningCode } from '../errors.ts';
import { escapeToken } from '../json.ts';
import type { Source } from './source.ts';

/** A place in a source file: the way from its root, last key first. */
export interface Place {
  readonly source: Source;
  readonly parent: Place | undefined;
  readonly key: string;
}

/** The place of `key` within `parent`. */
export function at(parent: Place, key: string | number): Place {
  return { source: parent.source, parent, key: String(key) };
}

/** The root of a file. */
export function rootOf(source: Source): Place {
  return { source, parent: undefined, key: '' };
}

/** The keys from the root to `place`. */
export function tokensOf(place: Place): string[] {
  const tokens: string[] = [];
  for (let here = place; here.parent !== undefined; here = here.parent) tokens.push(here.key);
  return tokens.reverse();
}

/** `place` as file and JSON pointer: its identity. */
export function identityOf(place: Place): string {
  return `${place.source.path}#${tokensOf(place)
    .map((token) => `/${escapeToken(token)}`)
    .join('')}`;
}

/** A schema that is still being put together. */
export type Draft<T> = { -readonly [K in keyof T]: T[K] };
export type SchemaDraft = Draft<SchemaObject>;

/** A discriminator as written; its mapping is completed once every schema is known. */
export interface OpenDiscriminator {
  readonly owner: SchemaDraft;
  /** Key of the schema that it stands in, where that is one of the named ones. */
  readonly ownerKey: string | undefined;
  readonly propertyName: string;
  /** Value to key, as far as the document says so. */
  readonly explicit: ReadonlyMap<string, string>;
}

/** What one load knows and has found so far. */
export interface Loading {
  readonly version: '3.0' | '3.1';
  readonly entry: Source;
  /** Reads and parses a file once; undefined where that failed, which is reported at `from`. */
  readonly open: (path: string, from: Place) => Source | undefined;
  readonly problems: DocumentNote[];
  readonly warnings: DocumentNote[];
  /** Schemas that are referred to, by key. */
  readonly schemas: Map<string, SchemaDraft | boolean>;
  /** Key by identity. */
  readonly schemaKeys: Map<string, string>;
  /** The name under which the document declares a schema, by key. */
  readonly schemaNames: Map<string, string>;
  readonly discriminators: OpenDiscriminator[];
  /** Formats that nobody here knows; each is mentioned once. */
  readonly unknownFormats: Set<string>;
  /** Referred to, not normalised yet. */
  readonly pending: { readonly key: string; readonly value: unknown; readonly place: Place }[];
}

/** Reports what keeps the document from loading. */
export function problem(load: Loading, code: ProblemCode, place: Place, message: string, hint?: string): undefined {
  if (load.problems.length < documentLimits.problems) load.problems.push(note(code, place, message, hint));
}

/** Reports what deserves a look. */
export function warning(load: Loading, code: WarningCode, place: Place, message: string, hint?: string): undefined {
  if (load.warnings.length < documentLimits.problems) load.warnings.push(note(code, place, message, hint));
}

function note(code: string, place: Place, message: string, hint: string | undefined): DocumentNote {
  const { line, column } = place.source.locate(tokensOf(place));
  return { code, message, at: `${place.source.path}:${line}:${column}`, ...(hint === undefined ? {} : { hint }) };
}
