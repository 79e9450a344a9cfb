import { forwardedFields } from './client-address.ts';
import { NetError } from './errors.ts';
import { fieldValueChars, hexValues, tokenChars } from './grammar.ts';
import { more, parseFieldLine } from './head-parser.ts';
import { Headers } from './headers.ts';

/** Takes a piece of content; false asks to stop before the next. */
export type TakeContent = (chunk: Buffer) => boolean;

/** Bytes of chunk extensions that one body may carry: they are dropped, and must not be a way to keep us busy. */
const mostExtensionBytes = 1024;
const mostSizeDigits = 8;

// Where the next byte stands.
const inSize = 0;
const inExtensionName = 1;
const inExtensionValue = 2;
const inQuoted = 3;
const inEscape = 4;
const afterQuoted = 5;
const atSizeLf = 6;
const inData = 7;
const atDataCr = 8;
const atDataLf = 9;
const inTrailers = 10;
const isDone = 11;

const cr = 0x0d;
const lf = 0x0a;
const semicolon = 0x3b;
const equals = 0x3d;
const quote = 0x22;
const backslash = 0x5c;

/** Fields that decide framing, routing or identity: in a trailer they are an attempt to be believed later (RFC 9110, section 6.5.1). */
const refusedTrailers = new Set([
  ...['content-length', 'transfer-encoding', 'host', 'connection', 'upgrade'],
  ...['authorization', 'cookie', 'set-cookie', 'dpop', ...forwardedFields],
]);

/** Fields that mean nothing after the content; they go no further. */
const droppedTrailers = ['content-type', 'content-encoding', 'content-range', 'te', 'trailer', 'keep-alive'];

/**
 * Decodes chunked content (RFC 9112, section 7.1) at any split. A size is 1 to 8 hexadecimal digits; extensions are parsed by the grammar, without
 * white space, and dropped; CRLF is the only line end. Throws `net.bad-chunk`, `net.trailers-too-large`.
 */
export class ChunkedDecoder {
  trailers: Headers | undefined;
  readonly #trailerBytes: number;
  #state = inSize;
  #size = 0;
  /** Digits of the size, or bytes of the present name or value, so far. */
  #length = 0;
  #extensionBytes = 0;
  #text = '';

  constructor(trailerBytes: number) {
    this.#trailerBytes = trailerBytes;
  }

  get done(): boolean {
    return this.#state === isDone;
  }

  reset(): void {
    this.trailers = undefined;
    this.#state = inSize;
    this.#size = 0;
    this.#length = 0;
    this.#extensionBytes = 0;
    this.#text = '';
  }

  /** Decodes from `offset` on, up to the end of the body, of the chunk, or until `take` answers false. Returns the offset after what was used. */
  decode(chunk: Buffer, offset: number, take: TakeContent): number {
    let at = offset;
    while (at < chunk.length && this.#state !== isDone) {
      if (this.#state === inData) {
        const end = Math.min(chunk.length, at + this.#size);
        const goOn = take(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
        this.#size -= end - at;
        at = end;
        if (this.#size === 0) this.#state = atDataCr;
        if (!goOn) return at;
      } else if (this.#state === inTrailers) at = this.#readTrailers(chunk, at);
      else this.#syntax(chunk[at++] as number);
    }
    return at;
  }

  #syntax(byte: number): void {
    switch (this.#state) {
      case inSize:
        this.#sizeByte(byte);
        return;
      case atSizeLf:
        expect(byte, lf);
        this.#endOfSize();
        return;
      case atDataCr:
        expect(byte, cr);
        this.#state = atDataLf;
        return;
      case atDataLf:
        expect(byte, lf);
        this.#state = inSize;
        return;
      default:
        if (++this.#extensionBytes > mostExtensionBytes) throw badChunk('the chunk extensions are too long');
        this.#extensionByte(byte);
        return;
    }
  }

  #sizeByte(byte: number): void {
    const digit = hexValues[byte] as number;
    if (digit !== 255) {
      if (++this.#length > mostSizeDigits) throw badChunk('a chunk size is too long');
      this.#size = this.#size * 16 + digit;
    } else if (this.#length === 0) throw badChunk('a chunk does not begin with its size');
    else this.#endOfItem(byte);
  }

  /** After a size, an extension name or a value: the next extension or the end of the line. */
  #endOfItem(byte: number): void {
    if (byte === semicolon) this.#state = inExtensionName;
    else if (byte === cr) this.#state = atSizeLf;
    else throw badChunk('a chunk size is followed by something that is not allowed');
    this.#length = 0;
  }

  #extensionByte(byte: number): void {
    const isToken = tokenChars[byte] === 1;
    switch (this.#state) {
      case inExtensionName:
      case inExtensionValue:
        if (isToken) this.#length++;
        else if (byte === quote && this.#state === inExtensionValue && this.#length === 0) this.#state = inQuoted;
        else if (this.#length === 0) throw badChunk('a chunk extension is empty');
        else if (byte === equals && this.#state === inExtensionName) {
          this.#state = inExtensionValue;
          this.#length = 0;
        } else this.#endOfItem(byte);
        return;
      case inQuoted:
        if (byte === quote) this.#state = afterQuoted;
        else if (byte === backslash) this.#state = inEscape;
        else if (fieldValueChars[byte] !== 1) throw badChunk('a chunk extension holds a control character');
        return;
      case inEscape:
        if (fieldValueChars[byte] !== 1) throw badChunk('a chunk extension holds a control character');
        this.#state = inQuoted;
        return;
      default:
        this.#endOfItem(byte);
    }
  }

  #endOfSize(): void {
    this.#length = 0;
    if (this.#size > 0) this.#state = inData;
    else {
      this.#state = inTrailers;
      this.#text = '';
    }
  }

  #readTrailers(chunk: Buffer, offset: number): number {
    const before = this.#text.length;
    const end = Math.min(chunk.length, offset + this.#trailerBytes - before + 1);
    this.#text += chunk.toString('latin1', offset, end);
    const trailers = new Headers();
    for (let at = 0; ; ) {
      const next = parseFieldLine(this.#text, at, trailers.pairs);
      if (next === more) break;
      if (next >= 0) {
        at = next;
        continue;
      }
      this.#finish(trailers);
      return offset - next - before;
    }
    if (this.#text.length > this.#trailerBytes) {
      throw new NetError('net.trailers-too-large', 431, 'the trailer fields are too large');
    }
    return end;
  }

  #finish(trailers: Headers): void {
    for (const [name] of trailers) {
      if (refusedTrailers.has(name)) throw badChunk(`the field \`${name}\` stands in a trailer`);
    }
    for (const name of droppedTrailers) trailers.delete(name);
    this.trailers = trailers.size > 0 ? trailers : undefined;
    this.#state = isDone;
  }
}

function expect(byte: number, wanted: number): void {
  if (byte !== wanted) throw badChunk('a chunk does not end where it must');
}

function badChunk(message: string): NetError {
  return new NetError('net.bad-chunk', 400, message);
}
