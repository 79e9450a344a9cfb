import type { ResponseMask } from '../../api/edge.ts';
import type { OpenApiDocument, Operation, Schema } from '../../api/openapi.ts';
import { isObject, own, unescapeToken } from '../json.ts';
import { childrenAt, isMarked, withParts } from '../validate/sensitivity.ts';
import { type MaskPlace, nowhere } from './rewrite.ts';

/** Finds the place to begin at in the answer of an operation; without one, of a request that the document does not declare. */
export type MaskRoot = (operation: Operation | undefined) => MaskPlace;

/** A JSON pointer's tokens, and how many of them lead to where we stand. */
interface Position {
  readonly tokens: readonly string[];
  readonly at: number;
}

interface Plan {
  readonly schemas: OpenApiDocument['schemas'];
  /** Masked wherever they stand. */
  readonly names: ReadonlySet<string>;
  /** Places are few, however deep a recursive schema is followed: what is said of a value makes its place. */
  readonly places: Map<string, MaskPlace>;
  readonly ids: Map<Schema, number>;
}

function planOf(schemas: OpenApiDocument['schemas'], names: ReadonlySet<string>): Plan {
  return { schemas, names, places: new Map(), ids: new Map() };
}

/** Compiles what `mask` hides in the answers of a service; `document` says which fields are declared sensitive. */
export function compileMask(mask: ResponseMask, document: OpenApiDocument | undefined): MaskRoot {
  const names = new Set(mask.fields.filter((field) => !field.startsWith('/')));
  const positions = mask.fields
    .filter((field) => field.startsWith('/'))
    .map((field) => ({ tokens: tokensOf(field), at: 0 }));
  const declared = mask.declared ? document : undefined;
  const plan = planOf(declared?.schemas ?? {}, names);
  const roots = new Map<Operation | undefined, MaskPlace>();
  const rootOf: MaskRoot = (operation) => {
    if (declared === undefined) return placeAt(plan, [], positions, false);
    if (operation !== undefined) return placeAt(plan, schemasOf(operation), positions, false);
    // Nothing says where its fields stand, so those of the document are hidden by their names.
    return placeAt(planOf({}, new Set([...names, ...markedNames(declared)])), [], positions, false);
  };
  return (operation) => {
    let root = roots.get(operation);
    if (root === undefined) roots.set(operation, (root = rootOf(operation)));
    return root;
  };
}

function tokensOf(pointer: string): string[] {
  return pointer.slice(1).split('/').map(unescapeToken);
}

/** Of every declared answer: a service that answers with another status hides no less. */
function schemasOf({ responses }: Operation): Schema[] {
  return responses.flatMap(({ content }) => content.flatMap(({ schema }) => (schema === undefined ? [] : [schema])));
}

function placeAt(plan: Plan, roots: readonly Schema[], positions: readonly Position[], isNamed: boolean): MaskPlace {
  const schemas = withParts(plan.schemas, roots, Number.POSITIVE_INFINITY);
  const reached = positions.some(({ tokens, at }) => at === tokens.length);
  const isMasked = isNamed || reached || schemas.some(isMarked);
  if (!isMasked && schemas.length === 0 && positions.length === 0 && plan.names.size === 0) return nowhere;
  const key = keyOf(plan, schemas, positions, isMasked);
  let place = plan.places.get(key);
  if (place === undefined) plan.places.set(key, (place = new Place(plan, schemas, positions, isMasked)));
  return place;
}

function keyOf({ ids }: Plan, schemas: readonly Schema[], positions: readonly Position[], isMasked: boolean): string {
  const numbers = schemas.map((schema) => {
    const id = ids.get(schema) ?? ids.size;
    ids.set(schema, id);
    return id;
  });
  const places = positions.map(({ tokens, at }) => `${tokens.join('/')}@${at}`);
  return `${isMasked}|${numbers.sort((a, b) => a - b).join()}|${places.join()}`;
}

/** A place with everything that may be said of the value there; what follows from it is found out once. */
class Place implements MaskPlace {
  readonly isMasked: boolean;
  readonly #plan: Plan;
  readonly #schemas: readonly Schema[];
  readonly #positions: readonly Position[];
  /** Names that something is said of. All others lead to one place. */
  readonly #known: ReadonlySet<string>;
  readonly #next = new Map<string, MaskPlace>();
  #other: MaskPlace | undefined;
  #element: MaskPlace | undefined;

  constructor(plan: Plan, schemas: readonly Schema[], positions: readonly Position[], isMasked: boolean) {
    this.isMasked = isMasked;
    this.#plan = plan;
    this.#schemas = schemas;
    this.#positions = positions;
    this.#known = new Set([
      ...plan.names,
      ...positions.map(({ tokens, at }) => tokens[at] as string),
      ...schemas.flatMap((schema) => (isObject(schema) ? Object.keys(schema.properties ?? {}) : [])),
    ]);
  }

  property(name: string): MaskPlace {
    if (!this.#known.has(name)) return (this.#other ??= this.#step(undefined));
    let next = this.#next.get(name);
    if (next === undefined) this.#next.set(name, (next = this.#step(name)));
    return next;
  }

  element(): MaskPlace {
    return (this.#element ??= this.#step(undefined));
  }

  /** `name` undefined: an element, or a member that nothing names. */
  #step(name: string | undefined): MaskPlace {
    const positions = this.#positions
      .filter(({ tokens, at }) => tokens[at] === '*' || (name !== undefined && tokens[at] === name))
      .map(({ tokens, at }) => ({ tokens, at: at + 1 }));
    const schemas = this.#schemas.flatMap((schema) => childrenAt(schema, name ?? unnamed));
    return placeAt(this.#plan, schemas, positions, name !== undefined && this.#plan.names.has(name));
  }
}

// No property of a document is called so: it stands for those that it does not name.
const unnamed = '\u0000';

/** Names of all properties that a document marks, wherever. */
function markedNames(document: OpenApiDocument): Set<string> {
  const names = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(visit);
    if (!isObject(value)) return;
    const properties = own(value, 'properties');
    if (isObject(properties)) {
      for (const [name, schema] of Object.entries(properties)) {
        if (withParts(document.schemas, [schema as Schema], Number.POSITIVE_INFINITY).some(isMarked)) names.add(name);
      }
    }
    Object.values(value).forEach(visit);
  };
  visit(document.schemas);
  visit(document.operations);
  return names;
}
