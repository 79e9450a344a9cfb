// HTTP/2 (RFC 9113) as far as an attacker needs it: frames with whatever in them, and what came back.

/** Name and value of a field, pseudo-fields among them, in the order they are sent. */
export type Http2Field = readonly [name: string, value: string];

/** What is to be sent on stream 1 of a connection of its own. */
export interface Http2Text {
  readonly fields: readonly Http2Field[];
  readonly data?: string;
}

/** What came back on stream 1, and how the connection fared. */
export interface Http2Answer {
  /** 0 where no response came. */
  readonly status: number;
  readonly body: string;
  /** The response is complete, the stream was reset, or the connection is over. */
  readonly ended: boolean;
  /** Error code of RST_STREAM. */
  readonly reset?: number;
  /** Error code of GOAWAY. */
  readonly goAway?: number;
}

const types = { data: 0, headers: 1, reset: 3, settings: 4, goAway: 7, continuation: 9 } as const;
const endStream = 0x1;
const endHeaders = 0x4;
const padded = 0x8;
const prioritised = 0x20;
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** One frame (RFC 9113, section 4.1). */
export function frame(type: keyof typeof types, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(types[type], 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** The bytes with which a client begins. */
export const connectionPreface: Buffer = Buffer.concat([preface, frame('settings', 0, 0, Buffer.alloc(0))]);

/** A whole connection that carries one request. */
export function formatHttp2({ fields, data }: Http2Text): Buffer {
  const head = frame('headers', endHeaders | (data === undefined ? endStream : 0), 1, encodeFields(fields));
  const rest = data === undefined ? [] : [frame('data', endStream, 1, Buffer.from(data))];
  return Buffer.concat([connectionPreface, head, ...rest]);
}

/** Field lines as literals that nobody has to remember (RFC 7541, section 6.2.2). */
export function encodeFields(fields: readonly Http2Field[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), encodeText(name), encodeText(value)]));
}

function encodeText(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  return Buffer.concat([encodeInteger(bytes.length), bytes]);
}

/** With a prefix of seven bits (RFC 7541, section 5.1). */
function encodeInteger(value: number): Buffer {
  if (value < 127) return Buffer.from([value]);
  const bytes = [127];
  for (let rest = value - 127; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) | 0x80);
  }
}

/** Reads what the server has sent so far. */
export function parseHttp2(bytes: Buffer): Http2Answer {
  let status = 0;
  let ended = false;
  const body: Buffer[] = [];
  let reset: number | undefined;
  let goAway: number | undefined;
  for (let at = 0; at + 9 <= bytes.length; ) {
    const length = bytes.readUIntBE(at, 3);
    const [type, flags, stream] = [bytes.readUInt8(at + 3), bytes.readUInt8(at + 4), bytes.readUInt32BE(at + 5)];
    const payload = bytes.subarray(at + 9, at + 9 + length);
    at += 9 + length;
    if (payload.length < length) break;
    if (type === types.goAway && payload.length >= 8) goAway = payload.readUInt32BE(4);
    if (stream !== 1) continue;
    if (type === types.reset && payload.length === 4) reset = payload.readUInt32BE(0);
    if (type === types.headers && (status === 0 || status < 200)) status = readStatus(unpadded(payload, flags));
    if (type === types.data) body.push(payload);
    if ((type === types.headers || type === types.data) && (flags & endStream) !== 0) ended = true;
  }
  return {
    status,
    body: Buffer.concat(body).toString('utf8'),
    ended: ended || reset !== undefined || goAway !== undefined,
    ...(reset === undefined ? {} : { reset }),
    ...(goAway === undefined ? {} : { goAway }),
  };
}

function unpadded(payload: Buffer, flags: number): Buffer {
  const from = ((flags & padded) !== 0 ? 1 : 0) + ((flags & prioritised) !== 0 ? 5 : 0);
  return payload.subarray(from);
}

// Static table, entries 8 to 14 (RFC 7541, appendix A).
const indexedStatus = [200, 204, 206, 304, 400, 404, 500];

/** `:status`, which stands first in every response; 0 where it cannot be read. */
function readStatus(block: Buffer): number {
  let at = 0;
  // Changes of the table's size come before the first field.
  while (((block[at] ?? 0) & 0xe0) === 0x20) at++;
  const first = block[at] ?? 0;
  if ((first & 0x80) !== 0) return indexedStatus[(first & 0x7f) - 8] ?? 0;
  const mask = (first & 0x40) !== 0 ? 0x3f : 0x0f;
  if ((first & mask) < 8 || (first & mask) > 14) return 0;
  const head = block[at + 1] ?? 0;
  const text = block.subarray(at + 2, at + 2 + (head & 0x7f));
  return Number((head & 0x80) !== 0 ? decodeDigits(text) : text.toString('latin1')) || 0;
}

/** Three digits in Huffman's code (RFC 7541, appendix B): 0 to 2 take five bits, 3 to 9 six. */
function decodeDigits(bytes: Buffer): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  let digits = '';
  for (let at = 0; digits.length < 3 && at + 5 <= bits.length; ) {
    const short = Number.parseInt(bits.slice(at, at + 5), 2);
    const long = Number.parseInt(bits.slice(at, at + 6), 2);
    digits += short <= 2 ? short : long - 0b011001 + 3;
    at += short <= 2 ? 5 : 6;
  }
  return digits;
}
