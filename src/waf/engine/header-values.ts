import { createText, type TextMemory } from '../match/text.ts';
import { lowercase } from '../transformations/bytes.ts';
import type { HeaderField } from './message.ts';
import type { Value } from './value.ts';

/** Fields that hold credentials are not kept in mind from one request to the next. */
const secretFields: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
]);

export const isSecretField = (lowerName: string): boolean => secretFields.has(lowerName);

/** What follows from the name of a field. */
interface FieldName {
  readonly lower: string;
  readonly isSecret: boolean;
}

const maxFieldNames = 512;
const maxFieldNameBytes = 64;
const fieldNames = new Map<string, FieldName>();

function fieldName(name: string): FieldName {
  const known = fieldNames.get(name);
  if (known !== undefined) return known;
  const lower = lowercase(name);
  const made: FieldName = { lower, isSecret: secretFields.has(lower) };
  if (fieldNames.size >= maxFieldNames) fieldNames.clear();
  if (name.length <= maxFieldNameBytes) fieldNames.set(name, made);
  return made;
}

/** Fields of a message. Their contents come again with every request of a client, and are remembered. */
export function headerValues(
  name: string,
  headers: readonly HeaderField[],
  memory: TextMemory,
  isPinned: (key: string) => boolean,
): Value[] {
  return headers.map(([key, value]) => {
    const { lower, isSecret } = fieldName(key);
    const text = isSecret ? createText(value) : memory.recall(value);
    return { collection: name, key, lowerKey: lower, text, pinned: isPinned(lower) };
  });
}
