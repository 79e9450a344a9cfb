import { type CedarRecord, type EntityUid, emptyRecord, same } from './values.ts';
import { recordOf, uidOf, type ValueJson } from './values-json.ts';

/** Where policies find what they ask about entities. */
export interface EntitySource {
  /** Undefined where the entity is not known. */
  attributes(uid: EntityUid): CedarRecord | undefined;
  /** Undefined where the entity is not known. */
  tags(uid: EntityUid): CedarRecord | undefined;
  /** Whether `uid` is `ancestor`, or below it. An entity that is not known is in itself alone. */
  isIn(uid: EntityUid, ancestor: EntityUid): boolean;
  /** Everything above `uid`, without itself. */
  ancestors(uid: EntityUid): readonly EntityUid[];
}

/** An entity in Cedar's JSON format. */
export interface EntityJson {
  readonly uid: Parameters<typeof uidOf>[0];
  readonly attrs?: Readonly<Record<string, ValueJson>>;
  readonly parents?: readonly Parameters<typeof uidOf>[0][];
  readonly tags?: Readonly<Record<string, ValueJson>>;
}

interface StoredEntity {
  readonly attributes: CedarRecord;
  readonly tags: CedarRecord;
  readonly parents: readonly EntityUid[];
  ancestors?: readonly EntityUid[];
}

/** Entities by type, then id. */
export class UidMap<T> {
  readonly #byType = new Map<string, Map<string, T>>();

  get(uid: EntityUid): T | undefined {
    return this.#byType.get(uid.type)?.get(uid.id);
  }

  set(uid: EntityUid, value: T): void {
    const byId = this.#byType.get(uid.type);
    if (byId === undefined) this.#byType.set(uid.type, new Map([[uid.id, value]]));
    else byId.set(uid.id, value);
  }
}

/** A fixed set of entities. */
export class EntityStore implements EntitySource {
  readonly #entities = new UidMap<StoredEntity>();

  constructor(entities: readonly EntityJson[]) {
    for (const { uid, attrs = {}, tags, parents = [] } of entities) {
      this.#entities.set(uidOf(uid), {
        attributes: recordOf(attrs),
        tags: tags === undefined ? emptyRecord : recordOf(tags),
        parents: parents.map(uidOf),
      });
    }
  }

  attributes(uid: EntityUid): CedarRecord | undefined {
    return this.#entities.get(uid)?.attributes;
  }

  tags(uid: EntityUid): CedarRecord | undefined {
    return this.#entities.get(uid)?.tags;
  }

  isIn(uid: EntityUid, ancestor: EntityUid): boolean {
    if (same(uid, ancestor)) return true;
    for (const above of this.ancestors(uid)) if (same(above, ancestor)) return true;
    return false;
  }

  ancestors(uid: EntityUid): readonly EntityUid[] {
    const entity = this.#entities.get(uid);
    if (entity === undefined) return none;
    return (entity.ancestors ??= this.#closure(entity));
  }

  #closure(entity: StoredEntity): readonly EntityUid[] {
    const seen = new UidMap<true>();
    const found: EntityUid[] = [];
    const open = [...entity.parents];
    for (let uid = open.pop(); uid !== undefined; uid = open.pop()) {
      if (seen.get(uid) !== undefined) continue;
      seen.set(uid, true);
      found.push(uid);
      open.push(...(this.#entities.get(uid)?.parents ?? []));
    }
    return found;
  }
}

/** Entities of two sources; what `first` knows is asked of it alone. */
export class LayeredEntities implements EntitySource {
  readonly #first: EntitySource;
  readonly #second: EntitySource;

  constructor(first: EntitySource, second: EntitySource) {
    this.#first = first;
    this.#second = second;
  }

  attributes(uid: EntityUid): CedarRecord | undefined {
    return this.#knowing(uid).attributes(uid);
  }

  tags(uid: EntityUid): CedarRecord | undefined {
    return this.#knowing(uid).tags(uid);
  }

  isIn(uid: EntityUid, ancestor: EntityUid): boolean {
    return this.#knowing(uid).isIn(uid, ancestor);
  }

  ancestors(uid: EntityUid): readonly EntityUid[] {
    return this.#knowing(uid).ancestors(uid);
  }

  #knowing(uid: EntityUid): EntitySource {
    return this.#first.attributes(uid) === undefined ? this.#second : this.#first;
  }
}

const none: readonly EntityUid[] = [];

/** No entity is known. */
export const noEntities: EntitySource = new EntityStore([]);
