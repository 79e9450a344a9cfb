// Questions about what a schema says of objects.
import type { OpenApiDocument, Schema, SchemaObject } from '../../api/openapi.ts';
import { own } from '../json.ts';

/** Only a reference: it stands for its target in every way. */
export function isBareReference(schema: SchemaObject): boolean {
  return schema.$ref !== undefined && !touchesObjects(schema);
}

function touchesObjects(schema: SchemaObject): boolean {
  return (
    schema.properties !== undefined ||
    schema.patternProperties !== undefined ||
    schema.additionalProperties !== undefined ||
    schema.unevaluatedProperties !== undefined ||
    hasCombination(schema)
  );
}

/** Whether other schemas within it describe the same value. */
export function hasCombination(schema: SchemaObject): boolean {
  const { allOf, anyOf, oneOf, dependentSchemas } = schema;
  return [allOf, anyOf, oneOf, schema.if, schema.then, schema.else, dependentSchemas, schema.discriminator].some(
    (part) => part !== undefined,
  );
}

/** An alternative that says `type: object` and no more means any object, and saying so keeps the closing from emptying it. */
export function isFreeForm(schemas: OpenApiDocument['schemas'], schema: Schema): boolean {
  if (typeof schema === 'boolean') return false;
  const target = schema.$ref === undefined ? schema : own(schemas, schema.$ref);
  if (typeof target !== 'object' || target.type !== 'object') return false;
  return Object.keys(target).every((keyword) => keyword === 'type' || keyword === 'examples' || keyword === 'default');
}

/** Whether anything that describes this value names a field. An object of which nothing is said may hold anything. */
export function declaresFields(
  schemas: OpenApiDocument['schemas'],
  schema: Schema | undefined,
  seen: Set<Schema> = new Set(),
): boolean {
  if (typeof schema !== 'object' || seen.has(schema)) return false;
  seen.add(schema);
  if (schema.properties !== undefined || schema.patternProperties !== undefined || schema.discriminator !== undefined)
    return true;
  const parts = [
    ...(schema.allOf ?? []),
    ...(schema.anyOf ?? []),
    ...(schema.oneOf ?? []),
    schema.then,
    schema.else,
    ...Object.values(schema.dependentSchemas ?? {}),
  ];
  if (schema.$ref !== undefined) parts.push(own(schemas, schema.$ref));
  return parts.some((part) => declaresFields(schemas, part, seen));
}

/** Whether anything else describes the same value. */
export function meetsOthers(schema: SchemaObject): boolean {
  return hasCombination(schema) || (schema.$ref !== undefined && !isBareReference(schema));
}

/** Whether the schema says no more than that the value is some bytes. */
export function isBytes(schema: Schema | undefined): boolean {
  return typeof schema !== 'object' || schema.format === 'binary' || Object.keys(schema).length === 0;
}
