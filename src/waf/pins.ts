import type { SchemaPin } from '../api/openapi.ts';
import type { Transaction } from './engine/model.ts';

const never: Transaction['isPinned'] = () => false;

/** Whether the schema leaves a place in a request no room for an attack. Valid only for requests that were validated. */
export function compilePins(pins: readonly SchemaPin[]): Transaction['isPinned'] {
  const places = new Set<string>();
  for (const pin of pins) {
    // The path is one value to the rules, whatever parameters stand in it.
    if (pin.in === 'path') continue;
    places.add(`${pin.in} ${pin.in === 'header' ? pin.name.toLowerCase() : pin.name}`);
  }
  return places.size === 0 ? never : (place, name) => places.has(`${place} ${name}`);
}
