import type { Discriminator, Schema, SchemaObject } from '../../api/openapi.ts';
import { own } from '../json.ts';
import type { Loading, OpenDiscriminator } from './loading.ts';

/** Gives every discriminator its complete mapping; one that cannot choose between named schemas is left out, and only its `oneOf` holds. */
export function completeDiscriminators(load: Loading): void {
  const children = childrenByParent(load);
  for (const open of load.discriminators) {
    const discriminator = complete(load, open, children);
    if (discriminator !== undefined) open.owner.discriminator = discriminator;
  }
}

function complete(
  load: Loading,
  open: OpenDiscriminator,
  children: ReadonlyMap<string, readonly string[]>,
): Discriminator | undefined {
  const branches = open.owner.oneOf ?? open.owner.anyOf;
  const targets = branches === undefined ? descendants(open.ownerKey, children) : branches.map(keyOfBranch);
  if (targets.length === 0 && open.explicit.size === 0) return undefined;
  const mapping = new Map(open.explicit);
  const explicitTargets = new Set(open.explicit.values());
  for (const key of targets) {
    if (key === undefined) return undefined;
    if (explicitTargets.has(key)) continue;
    for (const value of valuesOf(load, key, open.propertyName)) if (!mapping.has(value)) mapping.set(value, key);
  }
  return { propertyName: open.propertyName, mapping: Object.fromEntries(mapping) };
}

function keyOfBranch(branch: Schema): string | undefined {
  return typeof branch === 'object' && Object.keys(branch).length === 1 ? branch.$ref : undefined;
}

/** The schemas that extend a base by `allOf`, the base itself included, when there are any. */
function descendants(base: string | undefined, children: ReadonlyMap<string, readonly string[]>): string[] {
  if (base === undefined || !children.has(base)) return [];
  const found = new Set([base]);
  for (const key of found) for (const child of children.get(key) ?? []) found.add(child);
  return [...found];
}

function childrenByParent(load: Loading): Map<string, string[]> {
  const children = new Map<string, string[]>();
  for (const [key, schema] of load.schemas) {
    if (typeof schema === 'boolean') continue;
    for (const part of schema.allOf ?? []) {
      if (typeof part === 'boolean' || part.$ref === undefined) continue;
      children.set(part.$ref, [...(children.get(part.$ref) ?? []), key]);
    }
  }
  return children;
}

/** The values by which a schema is chosen when nothing maps to it: those that it demands of the property itself, else its name. */
function valuesOf(load: Loading, key: string, property: string): readonly string[] {
  const demanded = demandedValues(load, key, property, new Set());
  return demanded ?? [load.schemaNames.get(key) ?? key];
}

function demandedValues(
  load: Loading,
  key: string,
  property: string,
  seen: Set<string>,
): readonly string[] | undefined {
  const schema = load.schemas.get(key);
  if (seen.has(key) || typeof schema !== 'object') return undefined;
  seen.add(key);
  return demandedBy(load, schema, property, seen);
}

function demandedBy(
  load: Loading,
  schema: SchemaObject,
  property: string,
  seen: Set<string>,
): readonly string[] | undefined {
  const declared = own(schema.properties ?? {}, property);
  if (typeof declared === 'object') {
    const values = declared.const === undefined ? declared.enum : [declared.const];
    // An enumeration of several values in a base says which children there are, not which one this is.
    if (values?.length === 1 && typeof values[0] === 'string') return [values[0]];
  }
  for (const part of schema.allOf ?? []) {
    if (typeof part === 'boolean') continue;
    const found =
      part.$ref === undefined
        ? demandedBy(load, part, property, seen)
        : demandedValues(load, part.$ref, property, seen);
    if (found !== undefined) return found;
  }
  return schema.$ref === undefined ? undefined : demandedValues(load, schema.$ref, property, seen);
}
