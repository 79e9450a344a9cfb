import { hexValue, lowercase, runLength } from './bytes.ts';

const named: ReadonlyMap<string, string> = new Map([
  ['quot', '"'],
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['nbsp', '\xa0'],
  ['apos', "'"],
  ['colon', ':'],
  ['tab', '\t'],
  ['newline', '\n'],
  ['lpar', '('],
  ['rpar', ')'],
  ['sol', '/'],
  ['bsol', '\\'],
  ['equals', '='],
  ['semi', ';'],
  ['comma', ','],
  ['period', '.'],
  ['excl', '!'],
  ['num', '#'],
  ['dollar', '$'],
  ['percnt', '%'],
  ['quest', '?'],
  ['grave', '`'],
  ['lbrace', '{'],
  ['lcub', '{'],
  ['rbrace', '}'],
  ['rcub', '}'],
  ['lbrack', '['],
  ['lsqb', '['],
  ['rbrack', ']'],
  ['rsqb', ']'],
  ['verbar', '|'],
  ['vert', '|'],
  ['commat', '@'],
  ['plus', '+'],
  ['ast', '*'],
  ['lowbar', '_'],
  ['hyphen', '-'],
]);

const isDigit = (code: number): boolean => code >= 48 && code <= 57;
const isAlphanumeric = (code: number): boolean => isDigit(code) || ((code | 32) >= 97 && (code | 32) <= 122);

interface Entity {
  readonly text: string;
  readonly length: number;
}

function numeric(text: string, at: number): Entity | undefined {
  const isHex = (text.charCodeAt(at + 2) | 32) === 120;
  const from = at + (isHex ? 3 : 2);
  const length = runLength(text, from, text.length, isHex ? (code) => hexValue(code) >= 0 : isDigit);
  if (length === 0) return undefined;
  const point = Number.parseInt(text.slice(from, from + length), isHex ? 16 : 10);
  // Rules look for bytes; the low byte of what lies above is what the reference engines give them.
  return { text: String.fromCharCode(point > 0xffffffff ? 255 : point & 255), length: from + length - at };
}

function entityAt(text: string, at: number): Entity | undefined {
  if (text.charCodeAt(at + 1) === 35) return numeric(text, at);
  const length = runLength(text, at + 1, 8, isAlphanumeric);
  const decoded = named.get(lowercase(text.slice(at + 1, at + 1 + length)));
  return decoded === undefined ? undefined : { text: decoded, length: length + 1 };
}

/** Decodes character references as a browser would, the closing semicolon optional. */
export function htmlEntityDecode(text: string): string {
  if (!text.includes('&')) return text;
  let out = '';
  let from = 0;
  for (let at = text.indexOf('&'); at >= 0; at = text.indexOf('&', from > at ? from : at + 1)) {
    const entity = entityAt(text, at);
    if (entity === undefined) continue;
    out += text.slice(from, at) + entity.text;
    from = at + entity.length;
    if (text.charCodeAt(from) === 59) from += 1;
  }
  return out + text.slice(from);
}
