// multipart/form-data (RFC 7578, RFC 2046 section 5.1), strictly: no preamble, no epilogue, CRLF only, no folded header,
// no `filename*`, no backslash in a name. Each of these is read differently by some server, which is how a field slips past.
import { tryParseParameters } from './media-type.ts';

export interface Part {
  readonly name: string;
  readonly filename: string | undefined;
  /** As sent; undefined where the part has none. */
  readonly contentType: string | undefined;
  readonly bytes: Buffer;
}

export type MultipartResult = { readonly parts: readonly Part[] } | { readonly fault: string };

const boundaryPattern = /^[0-9A-Za-z'()+_,\-./:=?]{1,70}$/;
const maxHeaderBytes = 4096;

/** Splits `bytes` at `boundary` into at most `maxParts` parts. The parts share the memory of `bytes`. */
export function parseMultipart(bytes: Buffer, boundary: string, maxParts: number): MultipartResult {
  if (!boundaryPattern.test(boundary)) return { fault: 'has no valid boundary' };
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  const opening = delimiter.subarray(2);
  if (!bytes.subarray(0, opening.length).equals(opening)) return { fault: 'does not begin with its boundary' };
  const parts: Part[] = [];
  let at = opening.length;
  while (!startsWith(bytes, at, '--')) {
    if (!startsWith(bytes, at, '\r\n')) return { fault: 'has something behind a boundary' };
    if (parts.length >= maxParts) return { fault: `holds more than ${maxParts} parts` };
    const end = bytes.indexOf(delimiter, at);
    if (end === -1) return { fault: 'does not end with its boundary' };
    const part = parsePart(bytes, at + 2, end);
    if (typeof part === 'string') return { fault: part };
    parts.push(part);
    at = end + delimiter.length;
  }
  const rest = bytes.subarray(at + 2);
  return rest.length === 0 || rest.equals(crlf) ? { parts } : { fault: 'has something behind its last boundary' };
}

const crlf = Buffer.from('\r\n');
const blankLine = Buffer.from('\r\n\r\n');

function startsWith(bytes: Buffer, at: number, text: string): boolean {
  return bytes.toString('latin1', at, at + text.length) === text;
}

function parsePart(bytes: Buffer, start: number, end: number): Part | string {
  const blank = bytes.indexOf(blankLine, start);
  if (blank === -1 || blank + blankLine.length > end) return 'has a part without a blank line behind its header';
  if (blank - start > maxHeaderBytes) return 'has a part with too long a header';
  const header = parseHeader(bytes.toString('utf8', start, blank));
  if (typeof header === 'string') return header;
  const disposition = tryParseParameters(header.get('content-disposition') ?? '');
  if (disposition?.value.toLowerCase() !== 'form-data') return 'has a part that is not form-data';
  const name = disposition.parameters.get('name');
  const filename = disposition.parameters.get('filename');
  if (name === undefined || !isPlain(name) || (filename !== undefined && !isPlain(filename)))
    return 'has a part without a plain name';
  if (disposition.parameters.size > (filename === undefined ? 1 : 2))
    return 'has a part with parameters that form-data does not have';
  return {
    name,
    filename,
    contentType: header.get('content-type'),
    bytes: bytes.subarray(blank + blankLine.length, end),
  };
}

const knownFields: ReadonlySet<string> = new Set(['content-disposition', 'content-type', 'content-length']);

function parseHeader(text: string): ReadonlyMap<string, string> | string {
  const fields = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    // RFC 7578, section 4.8: others than these must be ignored, content-transfer-encoding among them, so they are not let in.
    if (!knownFields.has(name)) return 'has a part with a header field that form-data does not have';
    if (fields.has(name) || /[\0\r\n]/.test(line)) return 'has a part with a malformed header';
    fields.set(name, line.slice(colon + 1).trim());
  }
  return fields;
}

function isPlain(name: string): boolean {
  return !/[\0-\x1f\x7f"\\\ufffd]/.test(name);
}
