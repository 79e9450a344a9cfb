// Reading values that nobody has checked: what is not there, or of another kind, is empty.

/** A map from outside. */
export type Tree = Readonly<Record<string, unknown>>;

export const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What `value`, if it is a map, holds under `keys`, one below the other. */
export function at(value: unknown, ...keys: readonly string[]): unknown {
  return keys.reduce<unknown>(
    (found, key) => (isTree(found) && Object.hasOwn(found, key) ? found[key] : undefined),
    value,
  );
}

export const treeAt = (value: unknown, ...keys: readonly string[]): Tree => {
  const found = at(value, ...keys);
  return isTree(found) ? found : {};
};

export const listAt = (value: unknown, ...keys: readonly string[]): readonly unknown[] => {
  const found = at(value, ...keys);
  return Array.isArray(found) ? found : [];
};

/** Text, or a number or truth value as text. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

export const textAt = (value: unknown, ...keys: readonly string[]): string | undefined => textOf(at(value, ...keys));

export function portAt(value: unknown, ...keys: readonly string[]): number | undefined {
  const port = Number(textAt(value, ...keys));
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
}

/** The entries of a map whose values are text. */
export function textsOf(value: unknown): ReadonlyMap<string, string> {
  const entries = isTree(value) ? Object.entries(value) : [];
  return new Map(
    entries.flatMap(([key, item]): [string, string][] => {
      const text = textOf(item);
      return text === undefined ? [] : [[key, text]];
    }),
  );
}
