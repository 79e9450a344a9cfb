// Character classes of RFC 9110 and 9112 as tables. Text is ISO 8859-1: one character a byte.

/** A table with 1 at each character of `members`. */
function charClass(members: string): Uint8Array {
  const table = new Uint8Array(256);
  for (let at = 0; at < members.length; at++) table[members.charCodeAt(at)] = 1;
  return table;
}

const digits = '0123456789';
const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** tchar (RFC 9110, section 5.6.2). */
export const tokenChars = charClass(`!#$%&'*+-.^_\`|~${digits}${letters}`);

/** unreserved (RFC 3986, section 2.3). */
export const unreservedChars = charClass(`-._~${digits}${letters}`);

/** pchar and "/" without "%" (RFC 3986, section 3.3). */
export const pathChars = charClass(`-._~!$&'()*+,;=:@/${digits}${letters}`);

/**
 * What a query may hold besides "%": pchar, "/", "?" (RFC 3986, section 3.4), and the characters that browsers send there
 * unencoded (WHATWG URL, query percent-encode set): they have no meaning in the grammar around them.
 */
export const queryChars = charClass(`-._~!$&'()*+,;=:@/?[]|{}^\`\\${digits}${letters}`);

/** field-vchar, SP and HTAB (RFC 9110, section 5.5), obs-text included: a byte that is data, never syntax. */
export const fieldValueChars = charClass('\t ');
for (let code = 0x21; code < 0x100; code++) if (code !== 0x7f) fieldValueChars[code] = 1;

/** reg-name without "%" (RFC 3986, section 3.2.2). */
export const hostChars = charClass(`-._~!$&'()*+,;=${digits}${letters}`);

/** Value of a hexadecimal digit, 255 elsewhere. */
export const hexValues = new Uint8Array(256).fill(255);
for (let value = 0; value < 16; value++) {
  hexValues[value.toString(16).charCodeAt(0)] = value;
  hexValues[value.toString(16).toUpperCase().charCodeAt(0)] = value;
}

function isAll(text: string, table: Uint8Array): boolean {
  // A character above 255 reads undefined from the table, and is refused.
  for (let at = 0; at < text.length; at++) if (table[text.charCodeAt(at)] !== 1) return false;
  return true;
}

/** Whether `text` is a token: a method, a header field name. */
export function isToken(text: string): boolean {
  return text.length > 0 && isAll(text, tokenChars);
}

/** Whether `text` may stand as a field value: no control characters, nothing above ISO 8859-1, no white space around it. */
export function isFieldValue(text: string): boolean {
  const { length } = text;
  if (length === 0) return true;
  const first = text.charCodeAt(0);
  const last = text.charCodeAt(length - 1);
  if (first === 0x20 || first === 0x09 || last === 0x20 || last === 0x09) return false;
  return isAll(text, fieldValueChars);
}
