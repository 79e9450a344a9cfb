// Media types (RFC 9110, section 8.3.1), read by hand: a regular expression over a whole field is harder to bound.

const tokenChar = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,127}$/;

/** A parsed `Content-Type`. */
export interface ParsedMediaType {
  /** `application/json`, lower case. */
  readonly essence: string;
  /** Lower-case names to values. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** The part before the first `;`, trimmed. */
export function withoutParameters(text: string): string {
  const end = text.indexOf(';');
  return (end === -1 ? text : text.slice(0, end)).trim();
}

/** Whether `text` is a type or a range of types without parameters. */
export function isMediaRange(text: string): boolean {
  const slash = text.indexOf('/');
  return slash > 0 && tokenChar.test(text.slice(0, slash)) && tokenChar.test(text.slice(slash + 1));
}

/** A field of the form `value; name=value; name="value"`, such as `Content-Disposition`; undefined where it is malformed. */
export function tryParseParameters(
  field: string,
): { readonly value: string; readonly parameters: ReadonlyMap<string, string> } | undefined {
  const start = field.indexOf(';');
  const parameters = start === -1 ? noParameters : parseParameters(field, start);
  // A backslash is an escape to some and a character to others.
  return parameters === undefined || field.includes('\\') ? undefined : { value: withoutParameters(field), parameters };
}

const noParameters: ReadonlyMap<string, string> = new Map();

/** A `Content-Type` field's value, or undefined where it is malformed, repeats a parameter or is a range. */
export function tryParseMediaType(field: string): ParsedMediaType | undefined {
  if (field.length > 1024) return undefined;
  const essence = withoutParameters(field).toLowerCase();
  if (!isMediaRange(essence) || essence.includes('*')) return undefined;
  const start = field.indexOf(';');
  if (start === -1) return { essence, parameters: noParameters };
  const parameters = parseParameters(field, start);
  return parameters && { essence, parameters };
}

function parseParameters(field: string, start: number): Map<string, string> | undefined {
  const parameters = new Map<string, string>();
  let at = start;
  while (at < field.length) {
    at = skipSpace(field, at + 1);
    const equals = field.indexOf('=', at);
    // RFC 9110 tolerates a trailing semicolon.
    if (equals === -1) return at >= field.length ? parameters : undefined;
    const name = field.slice(at, equals).toLowerCase();
    const value = readValue(field, equals + 1);
    if (value === undefined || !tokenChar.test(name) || parameters.has(name)) return undefined;
    parameters.set(name, value.text);
    at = skipSpace(field, value.end);
    if (at < field.length && field[at] !== ';') return undefined;
  }
  return parameters;
}

function skipSpace(text: string, at: number): number {
  let end = at;
  while (text[end] === ' ' || text[end] === '\t') end++;
  return end;
}

function readValue(field: string, start: number): { text: string; end: number } | undefined {
  if (field[start] === '"') return readQuoted(field, start + 1);
  let end = start;
  while (end < field.length && field[end] !== ';' && field[end] !== ' ' && field[end] !== '\t') end++;
  const text = field.slice(start, end);
  return tokenChar.test(text) ? { text, end } : undefined;
}

function readQuoted(field: string, start: number): { text: string; end: number } | undefined {
  let text = '';
  for (let at = start; at < field.length; at++) {
    const char = field[at] as string;
    if (char === '"') return { text, end: at + 1 };
    if (char === '\\') at++;
    text += field[at] ?? '';
  }
  return undefined;
}

/** Whether `essence` lies within `range`. */
export function matchesRange(range: string, essence: string): boolean {
  if (range === essence || range === '*/*') return true;
  return range.endsWith('/*') && essence.startsWith(range.slice(0, -1));
}

/** Whether content of this type is a JSON text (RFC 8259, RFC 6839 section 3.1). */
export function isJson(essence: string): boolean {
  return essence === 'application/json' || essence === 'text/json' || essence.endsWith('+json');
}

/** What kind of content a media type is; `opaque`: not looked into. */
export type ContentKind = 'json' | 'form' | 'multipart' | 'text' | 'opaque';

export function kindOf(essence: string): ContentKind {
  if (isJson(essence)) return 'json';
  if (essence === 'application/x-www-form-urlencoded') return 'form';
  if (essence === 'multipart/form-data') return 'multipart';
  return essence.startsWith('text/') ? 'text' : 'opaque';
}

const jsonLines: ReadonlySet<string> = new Set([
  'application/x-ndjson',
  'application/jsonl',
  'application/x-jsonlines',
]);

/** Whether a `Content-Type` promises a JSON text, or one a line; undefined for anything else, and for two fields. */
export function jsonKindOf(fields: readonly string[]): 'text' | 'lines' | undefined {
  const [field] = fields;
  const type = field === undefined || fields.length > 1 ? undefined : tryParseMediaType(field);
  if (type === undefined) return undefined;
  const charset = type.parameters.get('charset');
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) return undefined;
  if (jsonLines.has(type.essence)) return 'lines';
  return isJson(type.essence) ? 'text' : undefined;
}
