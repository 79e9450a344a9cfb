import { entityText } from './cedar-text.ts';
import { CedarSet, EntityUid, isRecord, type Value } from './values.ts';

const maxText = 48;
const shownText = 16;
const maxItems = 10;

/** A value for an explanation: long texts are masked behind their first characters, long sets cut. */
export function formatValue(value: Value): string {
  if (typeof value === 'string') return maskLong(value);
  if (typeof value !== 'object') return String(value);
  if (value instanceof EntityUid) return maskLong(entityText(value.type, value.id));
  if (value instanceof CedarSet) return formatSet(value);
  if (isRecord(value)) return `{${[...value.names()].slice(0, maxItems).join(', ')}}`;
  return value.toString();
}

function formatSet({ items }: CedarSet): string {
  if (items.length === 0) return 'none';
  const shown = items.slice(0, maxItems).map(formatValue).join(', ');
  return items.length > maxItems ? `${shown} and ${items.length - maxItems} more` : shown;
}

function maskLong(text: string): string {
  return text.length <= maxText ? text : `${text.slice(0, shownText)}… (${text.length} characters)`;
}
