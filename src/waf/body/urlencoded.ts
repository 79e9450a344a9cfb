import { urlDecode } from '../transformations/url.ts';
import { type BodyField, type BodyProcessor, emptyBody, failedBody } from './body.ts';

function indexOrEnd(text: string, character: string, from: number): number {
  const at = text.indexOf(character, from);
  return at < 0 ? text.length : at;
}

/** Fields of `a=1&b=2`, decoded; the rest of the text where there are too many. */
export function parseUrlEncoded(
  text: string,
  maxFields: number,
): { readonly fields: readonly BodyField[]; readonly rest: boolean } {
  const fields: BodyField[] = [];
  let from = 0;
  let equals = -1;
  while (from < text.length) {
    if (fields.length >= maxFields) return { fields, rest: true };
    const end = indexOrEnd(text, '&', from);
    if (end > from) {
      // Looked for from where the last was: a text without any is read once.
      if (equals < from) equals = indexOrEnd(text, '=', from);
      const split = Math.min(equals, end);
      const name = urlDecode(text.slice(from, split));
      fields.push({ name, value: urlDecode(text.slice(split + 1, end)), pointer: `/${name}` });
    }
    from = end + 1;
  }
  return { fields, rest: false };
}

export const urlEncodedProcessor: BodyProcessor = (body, _contentType, limits) => {
  const { fields, rest } = parseUrlEncoded(body, limits.maxFields);
  return rest ? failedBody('there are too many fields', { fields }) : { ...emptyBody, fields };
};
