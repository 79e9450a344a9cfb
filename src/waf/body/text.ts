import { type BodyField, type BodyProcessor, emptyBody, type ParsedBody } from './body.ts';
import { jsonSequence } from './json.ts';
import { urlEncodedProcessor } from './urlencoded.ts';
import { xmlProcessor } from './xml.ts';

// Bodies of types that no processor is for. Many programs read what they expect whatever the type says (Go's decoders, `type: '*/*'` of
// Express, `force=True` of Flask), so a body is read as what it looks like.

/** Kinds of content that are no text; of these only what begins as a document is looked at. */
const textless = /^\s{0,20}(?:(?:image|audio|video|font)\/|application\/(?:octet-stream|pdf|zip|gzip)\b)/i;

/** Whether a type is one of texts. */
export const holdsText = (contentType: string): boolean => !textless.test(contentType);

const form = /^[^=&\s]{1,128}=\S*\s?$/;

const asText = (text: string): BodyField[] => [{ name: 'body', value: text, pointer: '' }];

/** UTF-16 by its mark, or by the zeros of the ASCII characters that a JSON or XML document begins with (RFC 4627, section 3). */
function fromUtf16(body: string): string {
  const [first, second] = [body.charCodeAt(0), body.charCodeAt(1)];
  const isLittle = (first === 0xff && second === 0xfe) || (second === 0 && first > 0);
  const isBig = (first === 0xfe && second === 0xff) || (first === 0 && second > 0);
  if (!isLittle && !isBig) return body;
  const bytes = Buffer.from(body.length % 2 === 0 ? body : body.slice(0, -1), 'latin1');
  const text = (isBig ? bytes.swap16() : bytes).toString('utf16le').replace(/^\ufeff/, '');
  return Buffer.from(text, 'utf8').toString('latin1');
}

function readDocument(text: string, contentType: string, limits: Parameters<BodyProcessor>[2]): ParsedBody | undefined {
  const start = /^(?:\xef\xbb\xbf)?\s{0,1024}(.)/s.exec(text)?.[1] ?? '';
  if (start === '{' || start === '[' || start === '"') {
    const { fields, isWhole } = jsonSequence(text, limits);
    return { ...emptyBody, fields: isWhole ? fields : [...fields, ...asText(text)] };
  }
  // The text, too: what a document type declares is no field of it.
  if (start === '<') return { ...emptyBody, fields: asText(text), xml: xmlProcessor(text, contentType, limits).xml };
  return form.test(text) ? urlEncodedProcessor(text, contentType, limits) : undefined;
}

/** A body as what it looks like: JSON, XML, a form, or else one field. */
export const textProcessor: BodyProcessor = (body, contentType, limits) => {
  const text = fromUtf16(body);
  const read = readDocument(text, contentType, limits);
  if (read !== undefined) return read;
  return holdsText(contentType) ? { ...emptyBody, fields: asText(text) } : emptyBody;
};
