import { hasUnreadableCharset, isReadableCharset } from '../../core/charset.ts';
import {
  type BodyField,
  type BodyLimits,
  type BodyPart,
  type BodyProcessor,
  emptyBody,
  type ParsedBody,
} from './body.ts';
import { type Disposition, readDisposition } from './disposition.ts';
import { jsonSequence } from './json.ts';
import { holdsText } from './text.ts';

// RFC 7578. What oddities of writing are called stands in the faults, for rules; where two programs would read two different
// forms in one body, it is not read at all: what is a file's content to one, which rules do not look into, is a field to the other.

interface Reader {
  readonly body: string;
  readonly limits: BodyLimits;
  readonly faults: Set<string>;
  readonly parts: BodyPart[];
  readonly fields: BodyField[];
  /** A form, and not parts that belong together in some other way. */
  readonly isForm: boolean;
  error: string | undefined;
}

const maxHeaderBytes = 16_384;

/** RFC 2046, section 5.1.1, without the space. PHP ends it at a comma, others do not. */
const boundaryForm = /^[0-9A-Za-z'()+_./:=?-]{1,200}$/;

/** The boundary parameter, or undefined; notes how it is written. */
function readBoundary(reader: Reader, contentType: string): string | undefined {
  const { faults } = reader;
  const match = /[;\s]boundary(\s*)=(\s*)(?:"([^"]*)"|([^;\s]+))\s*(?:;|$)/i.exec(contentType);
  if (match === null) return undefined;
  // Of several some programs take the last; PHP takes the first `boundary`, of whatever name it is the end.
  const others = contentType.slice(0, match.index) + contentType.slice(match.index + match[0].length);
  if (/boundary/i.test(others)) return undefined;
  if (match[1] !== '' || match[2] !== '') faults.add('MULTIPART_BOUNDARY_WHITESPACE');
  if (match[3] !== undefined) faults.add('MULTIPART_BOUNDARY_QUOTED');
  const boundary = match[3] ?? match[4]!;
  return boundaryForm.test(boundary) ? boundary : undefined;
}

interface Delimiter {
  /** Start of the line. */
  readonly at: number;
  /** Index past the line. */
  readonly end: number;
  readonly isLast: boolean;
}

const strictTail = /^(?:\r\n|$)/;

/** The next line that is a boundary. What only some programs take for one (other line ends, spaces or text behind it) is an error, too. */
function nextDelimiter(reader: Reader, boundary: string, from: number): Delimiter | undefined {
  const { body } = reader;
  const line = `--${boundary}`;
  for (let at = body.indexOf(line, from); at >= 0; at = body.indexOf(line, at + 1)) {
    const after = at + line.length;
    const isLast = body.startsWith('--', after);
    const feed = body.indexOf('\n', after);
    const end = feed < 0 ? body.length : feed + 1;
    const tail = body.slice(after + (isLast ? 2 : 0), end);
    const isStrict = (at === 0 || body.startsWith('\r\n', at - 2)) && strictTail.test(tail);
    if (!isStrict)
      reader.error ??= 'Multipart: a boundary does not stand on a line of its own, or lines end in LF alone';
    if (tail.trim() === '' && (at === 0 || body.charAt(at - 1) === '\n')) return { at, end, isLast };
    reader.faults.add('MULTIPART_UNMATCHED_BOUNDARY');
  }
  return undefined;
}

/** Header lines, folded ones joined, and the index at which the content begins. */
function readHeaders(reader: Reader, from: number, to: number): { readonly lines: string[]; readonly content: number } {
  const lines: string[] = [];
  let at = from;
  while (at < to && at - from < maxHeaderBytes) {
    const feed = reader.body.indexOf('\n', at);
    const end = feed < 0 || feed >= to ? to : feed + 1;
    const line = reader.body.slice(at, end).replace(/\r?\n?$/, '');
    if (!reader.body.slice(at, end).endsWith('\r\n')) reader.faults.add('MULTIPART_LF_LINE');
    at = end;
    if (line === '') return { lines, content: at };
    if (/^[ \t]/.test(line) && lines.length > 0) {
      reader.faults.add('MULTIPART_HEADER_FOLDING');
      lines.push(`${lines.pop()} ${line.trim()}`);
    } else lines.push(line);
  }
  reader.faults.add('MULTIPART_INVALID_PART');
  return { lines, content: to };
}

const lineForm = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\0]*$/;

/** Value of a part's header field. */
function fieldValue(lines: readonly string[], name: string): string | undefined {
  const found = lines.find((line) => line.slice(0, name.length + 1).toLowerCase() === `${name}:`);
  return found?.slice(name.length + 1).trim();
}

/** Whether lines end and begin as they should, and no name is there twice. */
function isPlain({ faults }: Reader, lines: readonly string[]): boolean {
  if (['MULTIPART_HEADER_FOLDING', 'MULTIPART_LF_LINE', 'MULTIPART_INVALID_PART'].some((name) => faults.has(name)))
    return false;
  const names = new Set(lines.map((line) => line.slice(0, line.indexOf(':')).toLowerCase()));
  return names.size === lines.length && lines.every((line) => lineForm.test(line));
}

/** Why programs would read a part in several ways. */
function oddityOf(reader: Reader, lines: readonly string[], disposition: Disposition | undefined) {
  const dispositions = lines.filter((line) => /^content-disposition[^:]*:/i.test(line));
  const isNamed = dispositions.length === 1 && disposition?.name !== undefined;
  if (reader.isForm ? !isNamed : dispositions.length > 1) return 'a part has no name, or several';
  if (disposition?.isRepeated === true) return 'a part has several names';
  if (!isPlain(reader, lines)) return 'the head of a part is malformed';
  if (!isNamed) return undefined;
  if (!/^(?:7bit|8bit|binary)?$/i.test(fieldValue(lines, 'content-transfer-encoding') ?? ''))
    return 'the encoding of a part is not read';
  return hasUnreadableCharset(fieldValue(lines, 'content-type') ?? '')
    ? 'the charset of a part is not read'
    : undefined;
}

function readPart(reader: Reader, from: number, to: number): void {
  const { lines, content } = readHeaders(reader, from, to);
  const value = fieldValue(lines, 'content-disposition');
  const disposition = value === undefined ? undefined : readDisposition(value, reader.faults);
  const oddity = oddityOf(reader, lines, disposition);
  if (oddity !== undefined) {
    reader.faults.add('MULTIPART_INVALID_PART');
    reader.error ??= `Multipart: ${oddity}`;
  }
  const text = reader.body.slice(content, to).replace(/\r?\n$/, '');
  const { name = '', fileName } = disposition ?? {};
  const type = fieldValue(lines, 'content-type') ?? '';
  reader.parts.push({ name, fileName, headers: lines, content: text });
  const isField = disposition === undefined ? holdsText(type) : fileName === undefined || disposition.isAmbiguous;
  if (isField) addField(reader, name, text);
  if (/^application\/(?:[\w.+-]{0,128}\+)?json\b/i.test(type)) addJson(reader, name, text);
}

function addField(reader: Reader, name: string, text: string): void {
  reader.fields.push({ name, value: text, pointer: `/${name}` });
  // RFC 7578, section 4.6: the charset of all other fields.
  if (name.toLowerCase() === '_charset_' && !isReadableCharset(text))
    reader.error ??= 'Multipart: the charset of the fields is not read';
}

/** No schema has confined what is in a document within a form. */
const nowhere = '\0';

function addJson(reader: Reader, part: string, text: string): void {
  const { fields, isWhole } = jsonSequence(text, reader.limits);
  for (const { name, value } of fields)
    reader.fields.push({ name: `${part}${name.slice('json'.length)}`, value, pointer: nowhere });
  if (!isWhole) reader.fields.push({ name: part, value: text, pointer: nowhere });
}

function readParts(reader: Reader, boundary: string, maxParts: number): void {
  let delimiter = nextDelimiter(reader, boundary, 0);
  if (delimiter === undefined) {
    reader.error ??= 'Multipart: the boundary does not occur';
    return;
  }
  if (delimiter.at > 0) reader.faults.add('MULTIPART_DATA_BEFORE');
  while (!delimiter.isLast) {
    const next: Delimiter | undefined = nextDelimiter(reader, boundary, delimiter.end);
    if (reader.parts.length >= maxParts) {
      reader.faults.add('MULTIPART_FILE_LIMIT_EXCEEDED');
      reader.error = 'Multipart: there are too many parts';
      return;
    }
    readPart(reader, delimiter.end, next?.at ?? reader.body.length);
    if (next === undefined) {
      reader.error ??= 'Multipart: the final boundary is missing';
      reader.faults.add('MULTIPART_UNMATCHED_BOUNDARY');
      return;
    }
    delimiter = next;
  }
  if (reader.body.slice(delimiter.end).trim() === '') return;
  reader.faults.add('MULTIPART_DATA_AFTER');
  if (reader.body.includes(`--${boundary}`, delimiter.end))
    reader.error ??= 'Multipart: parts follow the last boundary';
}

export const multipartProcessor: BodyProcessor = (body, contentType, limits): ParsedBody => {
  const isForm = /^multipart\/form-data/i.test(contentType.trimStart());
  const reader: Reader = { body, limits, isForm, faults: new Set(), parts: [], fields: [], error: undefined };
  const boundary = readBoundary(reader, contentType);
  if (boundary === undefined) reader.error = 'Multipart: there is no boundary, or not one alone';
  else readParts(reader, boundary, limits.maxFields);
  const { parts, fields, faults, error } = reader;
  if (faults.size > 0) faults.add('MULTIPART_STRICT_ERROR');
  return { ...emptyBody, fields, parts, faults, error };
};
