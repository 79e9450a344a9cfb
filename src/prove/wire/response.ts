// Reads what came back, leniently: an attacker takes whatever a server says.

/** One response, as far as it came. */
export interface RawResponse {
  readonly status: number;
  /** Names in lower case, in the order received. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** The first field `name` (lower case) of `response`. */
export function fieldOf(response: RawResponse | undefined, name: string): string | undefined {
  return response?.fields.find(([each]) => each === name)?.[1];
}

/** Every complete response in `bytes`, and the last one where the connection ended within it. Interim (1xx) ones are left out. */
export function parseResponses(bytes: Buffer, ended: boolean): RawResponse[] {
  const responses: RawResponse[] = [];
  let rest = bytes.toString('latin1');
  while (rest !== '') {
    const found = parseOne(rest, ended);
    if (found === undefined) break;
    if (found.response.status >= 200) responses.push(found.response);
    rest = found.rest;
  }
  return responses;
}

function parseOne(text: string, ended: boolean): { response: RawResponse; rest: string } | undefined {
  const end = text.indexOf('\r\n\r\n');
  const start = /^HTTP\/\d\.\d (\d{3})/.exec(text);
  if (end < 0 || start === null) return undefined;
  const status = Number(start[1]);
  const fields = text
    .slice(0, end)
    .split('\r\n')
    .slice(1)
    .map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    });
  const content = readBody(text.slice(end + 4), status, fields, ended);
  return content && { response: { status, fields, body: content.body }, rest: content.rest };
}

function readBody(
  text: string,
  status: number,
  fields: RawResponse['fields'],
  ended: boolean,
): { body: string; rest: string } | undefined {
  if (status < 200 || status === 204 || status === 304) return { body: '', rest: text };
  const value = (name: string): string | undefined => fields.find(([each]) => each === name)?.[1];
  if (value('transfer-encoding')?.includes('chunked')) return readChunks(text, ended);
  const length = Number(value('content-length') ?? Number.NaN);
  if (Number.isNaN(length)) return ended ? { body: utf8(text), rest: '' } : undefined;
  if (text.length < length && !ended) return undefined;
  return { body: utf8(text.slice(0, length)), rest: text.slice(length) };
}

function readChunks(text: string, ended: boolean): { body: string; rest: string } | undefined {
  let body = '';
  let at = 0;
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    const size = lineEnd < 0 ? Number.NaN : Number.parseInt(text.slice(at, lineEnd), 16);
    if (Number.isNaN(size)) return ended ? { body: utf8(body), rest: '' } : undefined;
    if (size === 0) {
      const last = text.indexOf('\r\n\r\n', at);
      return last < 0 && !ended ? undefined : { body: utf8(body), rest: last < 0 ? '' : text.slice(last + 4) };
    }
    if (text.length < lineEnd + 2 + size + 2 && !ended) return undefined;
    body += text.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
}

function utf8(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8');
}
