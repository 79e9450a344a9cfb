// Fields that belong to one direction alone: `readOnly` to responses, `writeOnly` to requests.
import type { OpenApiDocument, Schema, SchemaObject } from '../../api/openapi.ts';
import { own } from '../json.ts';

export type Direction = 'request' | 'response';

/** What hiding depends on. */
export interface HidingContext {
  readonly schemas: OpenApiDocument['schemas'];
  readonly direction: Direction;
}

/** Whether a field of this schema must not be in a message of this direction. */
export function isHidden(context: HidingContext, schema: Schema, depth = 0): boolean {
  if (typeof schema === 'boolean' || depth > 20) return false;
  if (context.direction === 'request' ? schema.readOnly === true : schema.writeOnly === true) return true;
  const target = schema.$ref === undefined ? undefined : own(context.schemas, schema.$ref);
  if (target !== undefined && isHidden(context, target, depth + 1)) return true;
  return (schema.allOf ?? []).some((part) => isHidden(context, part, depth + 1));
}

/** Fields of this value that belong to the other direction alone; they cannot be required in this one (OpenAPI 3.0.4, section 4.7.24). */
export function hiddenNames(context: HidingContext, schema: SchemaObject, seen: Set<Schema> = new Set()): string[] {
  if (seen.has(schema)) return [];
  seen.add(schema);
  const names = Object.entries(schema.properties ?? {}).flatMap(([name, value]) =>
    isHidden(context, value) ? [name] : [],
  );
  const target = schema.$ref === undefined ? undefined : own(context.schemas, schema.$ref);
  for (const part of [target, ...(schema.allOf ?? [])]) {
    if (typeof part === 'object') names.push(...hiddenNames(context, part, seen));
  }
  return names;
}
