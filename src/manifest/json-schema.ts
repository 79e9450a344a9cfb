import { z } from 'zod';
import { manifestSchema } from './schema.ts';

/** The parts of JSON Schema (2020-12) that the manifest's schema comes out as. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly [keyword: string]: unknown;
}

/** The manifest's schema as JSON Schema, for editors and documentation. */
export function manifestJsonSchema(): JsonSchema {
  return {
    ...(z.toJSONSchema(manifestSchema, { io: 'input' }) as JsonSchema),
    $id: 'urn:merlon:manifest:1',
    title: 'Merlon manifest',
  };
}

/** The alternatives that a schema offers: itself, or those of its `anyOf`. */
export function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  return schema.anyOf === undefined ? [schema] : schema.anyOf.flatMap(alternatives);
}

function below(schema: JsonSchema, step: string | number): readonly JsonSchema[] {
  if (typeof step === 'number') return schema.items === undefined ? [] : alternatives(schema.items);
  const named =
    schema.properties !== undefined && Object.hasOwn(schema.properties, step) ? schema.properties[step] : undefined;
  const rest = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
  return [named, rest].flatMap((next) => (next === undefined ? [] : alternatives(next)));
}

/** The keys that a map at `path` of a manifest may have. */
export function keysAt(root: JsonSchema, path: readonly (string | number)[]): string[] {
  let schemas = alternatives(root);
  for (const step of path) schemas = schemas.flatMap((schema) => below(schema, step));
  return schemas.flatMap((schema) => Object.keys(schema.properties ?? {}));
}
