import { type BodyPart, type BodyProcessor, emptyBody, type ParsedBody } from './body.ts';

// RFC 7578, read leniently, because what the rules must see is what some lenient server behind us will see. Every leniency
// that was needed is named as a fault, and rules may refuse the body for it.

interface Reader {
  readonly body: string;
  readonly faults: Set<string>;
  readonly parts: BodyPart[];
  error: string | undefined;
}

const maxHeaderBytes = 16_384;

/** The boundary parameter, or undefined; notes how it is written. */
function readBoundary(contentType: string, faults: Set<string>): string | undefined {
  const match = /boundary(\s*)=(\s*)(?:"([^"]*)"|([^;,\s]+))/i.exec(contentType);
  if (match === null) return undefined;
  if (match[1] !== '' || match[2] !== '') faults.add('MULTIPART_BOUNDARY_WHITESPACE');
  if (match[3] !== undefined) faults.add('MULTIPART_BOUNDARY_QUOTED');
  const boundary = match[3] ?? match[4]!;
  return boundary.length > 0 && boundary.length <= 200 ? boundary : undefined;
}

interface Delimiter {
  /** Start of the line. */
  readonly at: number;
  /** Index past the line. */
  readonly end: number;
  readonly isLast: boolean;
}

/** The next line that is a boundary. */
function nextDelimiter(reader: Reader, boundary: string, from: number): Delimiter | undefined {
  const { body } = reader;
  const line = `--${boundary}`;
  for (let at = body.indexOf(line, from); at >= 0; at = body.indexOf(line, at + 1)) {
    if (at > 0 && body.charAt(at - 1) !== '\n') continue;
    const after = at + line.length;
    const isLast = body.startsWith('--', after);
    const feed = body.indexOf('\n', after);
    const end = feed < 0 ? body.length : feed + 1;
    const tail = body.slice(after + (isLast ? 2 : 0), end);
    if (tail.trim() === '') return { at, end, isLast };
    reader.faults.add('MULTIPART_UNMATCHED_BOUNDARY');
  }
  return undefined;
}

interface Disposition {
  readonly name: string | undefined;
  readonly fileName: string | undefined;
}

const parameterForm = /\s*([A-Za-z0-9!#$&+.^_`|~*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^;]*))/sy;

/** No further than to the next sign: parameters are many, and so may be the spaces behind the last. */
const parameterEnd = /\s*(?:;|$)/y;

/** `form-data; name="a"; filename="b"`. */
function readDisposition(value: string, faults: Set<string>): Disposition {
  let name: string | undefined;
  let fileName: string | undefined;
  let at = value.indexOf(';');
  while (at >= 0 && at < value.length) {
    parameterForm.lastIndex = at + 1;
    const match = parameterForm.exec(value);
    if (match === null) {
      if (value.slice(at + 1).trim() !== '') faults.add('MULTIPART_INVALID_QUOTING');
      break;
    }
    if (match[3] !== undefined || match[4]?.includes('"')) faults.add('MULTIPART_INVALID_QUOTING');
    const text = match[2]?.replace(/\\(["\\])/g, '$1') ?? match[3] ?? match[4]?.trim() ?? '';
    const key = match[1]!.toLowerCase();
    if (key === 'name') name ??= text;
    else if (key === 'filename' || key === 'filename*')
      fileName = fileName === undefined ? text : `${fileName} ${text}`;
    parameterEnd.lastIndex = parameterForm.lastIndex;
    if (!parameterEnd.test(value)) faults.add('MULTIPART_MISSING_SEMICOLON');
    at = value.indexOf(';', parameterForm.lastIndex);
  }
  return { name, fileName };
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

function readPart(reader: Reader, from: number, to: number): void {
  const { lines, content } = readHeaders(reader, from, to);
  const dispositions = lines.filter((line) => /^content-disposition[^:]*:/i.test(line));
  if (dispositions.length !== 1) reader.faults.add('MULTIPART_INVALID_PART');
  if (lines.some((line) => !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+:/.test(line))) reader.faults.add('MULTIPART_INVALID_PART');
  const first = dispositions[0] ?? '';
  const { name, fileName } = readDisposition(first.slice(first.indexOf(':') + 1), reader.faults);
  if (name === undefined) reader.faults.add('MULTIPART_INVALID_PART');
  const text = reader.body.slice(content, to).replace(/\r?\n$/, '');
  reader.parts.push({ name: name ?? '', fileName, headers: lines, content: text });
}

function readParts(reader: Reader, boundary: string, maxParts: number): void {
  let delimiter = nextDelimiter(reader, boundary, 0);
  if (delimiter === undefined) {
    reader.error = 'Multipart: the boundary does not occur';
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
      reader.error = 'Multipart: the final boundary is missing';
      reader.faults.add('MULTIPART_UNMATCHED_BOUNDARY');
      return;
    }
    delimiter = next;
  }
  if (reader.body.slice(delimiter.end).trim() !== '') reader.faults.add('MULTIPART_DATA_AFTER');
}

export const multipartProcessor: BodyProcessor = (body, contentType, limits): ParsedBody => {
  const reader: Reader = { body, faults: new Set(), parts: [], error: undefined };
  const boundary = readBoundary(contentType, reader.faults);
  if (boundary === undefined) reader.error = 'Multipart: there is no boundary';
  else readParts(reader, boundary, limits.maxFields);
  if (reader.faults.size > 0) reader.faults.add('MULTIPART_STRICT_ERROR');
  const fields = reader.parts
    .filter((part) => part.fileName === undefined)
    .map((part) => ({ name: part.name, value: part.content, pointer: `/${part.name}` }));
  return { ...emptyBody, fields, parts: reader.parts, faults: reader.faults, error: reader.error };
};
