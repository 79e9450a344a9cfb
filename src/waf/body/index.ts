import { type BodyProcessor, emptyBody } from './body.ts';
import { jsonProcessor } from './json.ts';
import { multipartProcessor } from './multipart.ts';
import { urlEncodedProcessor } from './urlencoded.ts';
import { xmlProcessor } from './xml.ts';

/** The whole body as one field: for types that no processor reads, but some lenient server might. */
const textProcessor: BodyProcessor = (body) => ({
  ...emptyBody,
  fields: [{ name: 'body', value: body, pointer: '' }],
});

/** By the name that `ctl:requestBodyProcessor` gives. */
export const bodyProcessors: ReadonlyMap<string, BodyProcessor> = new Map([
  ['URLENCODED', urlEncodedProcessor],
  ['MULTIPART', multipartProcessor],
  ['JSON', jsonProcessor],
  ['XML', xmlProcessor],
  ['TEXT', textProcessor],
]);

let lastType = '';
let lastProcessor: string | undefined;

/** The processor that a content type calls for; undefined where none reads it. */
export function processorFor(contentType: string): string | undefined {
  if (contentType === lastType) return lastProcessor;
  lastProcessor = findProcessor(contentType);
  lastType = contentType;
  return lastProcessor;
}

function findProcessor(contentType: string): string | undefined {
  const type = contentType.split(';', 1)[0]!.trim().toLowerCase();
  if (type === 'application/x-www-form-urlencoded') return 'URLENCODED';
  if (type === 'multipart/form-data') return 'MULTIPART';
  if (type === 'application/json' || type.endsWith('+json')) return 'JSON';
  return type === 'application/xml' || type === 'text/xml' || type.endsWith('+xml') ? 'XML' : undefined;
}
