import type { SchemaJson } from '@cedar-policy/cedar-wasm/nodejs';
import { tokenize } from './source-tokens.ts';
import type { PolicyText } from './split-policies.ts';

/**
 * A schema that validates `texts` as `schema` would, sooner. The validator checks each policy against each action, of
 * which an API has thousands; actions that no policy names, and that differ in their name alone, are checked once.
 */
export function leanSchema(
  schema: string | SchemaJson<string>,
  texts: readonly PolicyText[],
): string | SchemaJson<string> {
  const named = new Set(texts.flatMap(({ text }) => entityIds(text)));
  // A name with escapes can be written in several ways: then nothing is left out.
  if (typeof schema === 'string' || [...named].some((id) => id.includes('\\'))) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([namespace, definition]) => [
      namespace,
      { ...definition, actions: distinctActions(definition.actions, named) },
    ]),
  );
}

/** The string literals after `::`, as written. */
function entityIds(text: string): readonly string[] {
  const tokens = tokenize(text);
  return tokens
    .filter((token, at) => token.text.startsWith('"') && tokens[at - 1]?.text === '::')
    .map(({ text: id }) => id);
}

type Actions = SchemaJson<string>[string]['actions'];

function distinctActions(actions: Actions, named: ReadonlySet<string>): Actions {
  const groups = new Set(Object.values(actions).flatMap(({ memberOf = [] }) => memberOf.map(({ id }) => id)));
  const seen = new Set<string>();
  return Object.fromEntries(
    Object.entries(actions).filter(([id, action]) => {
      const kind = JSON.stringify(action);
      const mustStay = groups.has(id) || named.has(`"${id}"`) || !/^[^"\\\p{C}]*$/u.test(id);
      if (!mustStay && seen.has(kind)) return false;
      seen.add(kind);
      return true;
    }),
  );
}
