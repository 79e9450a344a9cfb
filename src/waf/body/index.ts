import type { BodyProcessor } from './body.ts';
import { jsonProcessor } from './json.ts';
import { multipartProcessor } from './multipart.ts';
import { textProcessor } from './text.ts';
import { urlEncodedProcessor } from './urlencoded.ts';
import { xmlProcessor } from './xml.ts';

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

const jsonTypes = /^(?:application|text)\/(?:x-)?(?:json|jsonrequest)$|\+json$/;
const xmlTypes = /^(?:application|text)\/xml$|\+xml$/;

/** Types are taken as the most lenient program takes them: up to a semicolon, a comma or a space (PHP), and any `multipart` is a form (Java). */
function findProcessor(contentType: string): string | undefined {
  const type = /^[^;,\s]{0,256}/.exec(contentType.trimStart())![0].toLowerCase();
  if (jsonTypes.test(type)) return 'JSON';
  if (type === 'application/x-www-form-urlencoded') return 'URLENCODED';
  if (type.startsWith('multipart/')) return 'MULTIPART';
  return xmlTypes.test(type) ? 'XML' : undefined;
}
