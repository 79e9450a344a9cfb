// Documents of one kind come again and again, and with them the names of their fields: each is put together once.

/** Where a value stands in a document. */
export interface Place {
  /** `json.items.0.sku`. */
  readonly name: string;
  /** For schema pins: a JSON pointer with `*` for any index. */
  readonly pointer: string;
  members: Map<string, Place> | undefined;
  items: Place[] | undefined;
}

/** Places as a tree, bounded: what is too much to keep is made anew each time. */
export interface Places {
  root(): Place;
  member(of: Place, key: string): Place;
  item(of: Place, index: number): Place;
}

const maxPlaces = 4096;
const maxNameBytes = 256;

const place = (name: string, pointer: string): Place => ({
  name,
  pointer,
  members: undefined,
  items: undefined,
});

const escaped = (key: string): string =>
  key.includes('~') || key.includes('/') ? key.replaceAll('~', '~0').replaceAll('/', '~1') : key;

export function createPlaces(rootName: string): Places {
  let root = place(rootName, '');
  let count = 0;
  /** Whether one more may be kept. A full tree is forgotten as the next document begins. */
  const hasRoom = (name: string): boolean => {
    if (name.length > maxNameBytes || count >= maxPlaces) return false;
    count += 1;
    return true;
  };
  return {
    root() {
      if (count >= maxPlaces) {
        root = place(rootName, '');
        count = 0;
      }
      return root;
    },
    member(of, key) {
      const known = of.members?.get(key);
      if (known !== undefined) return known;
      const made = place(`${of.name}.${key}`, `${of.pointer}/${escaped(key)}`);
      if (hasRoom(made.name)) (of.members ??= new Map()).set(key, made);
      return made;
    },
    item(of, index) {
      const known = of.items?.[index];
      if (known !== undefined) return known;
      const made = place(`${of.name}.${index}`, `${of.pointer}/*`);
      of.items ??= [];
      if (index === of.items.length && hasRoom(made.name)) of.items.push(made);
      return made;
    },
  };
}
