import { tags } from './der-tags.ts';
import { CryptoError } from './errors.ts';

/** One element of DER. `content` and `raw` are views of the input, not copies. */
export interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
  /** Tag, length and content. */
  readonly raw: Uint8Array;
}

/** A refusal to read: `what` was expected, in the words of the standard. */
export function malformed(what: string): CryptoError {
  return new CryptoError('der.malformed', `the encoding is not strict DER: ${what}`);
}

/**
 * Reads the elements of `bytes` one after another, as DER and nothing looser: definite and minimal lengths, one-byte tags,
 * nothing left over. Every failure is `der.malformed`.
 */
export class DerReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Whether the next element has `tag`. */
  next(tag: number): boolean {
    return this.#bytes[this.#at] === tag;
  }

  /** The next element, which must have `tag` where one is given. */
  read(tag?: number): Element {
    const start = this.#at;
    const found = this.#bytes[this.#at++];
    if (found === undefined) throw malformed('an element is missing');
    if (tag !== undefined && found !== tag) throw malformed(`tag ${found} where ${tag} belongs`);
    if ((found & 0x1f) === 0x1f) throw malformed('a tag of several bytes');
    const length = this.#readLength();
    const end = this.#at + length;
    if (end > this.#bytes.length) throw malformed('an element is longer than what holds it');
    const element = { tag: found, content: this.#bytes.subarray(this.#at, end), raw: this.#bytes.subarray(start, end) };
    this.#at = end;
    return element;
  }

  /** The next element if it has `tag`. */
  readIf(tag: number): Element | undefined {
    return this.next(tag) ? this.read(tag) : undefined;
  }

  /** A reader of the next element's content. */
  enter(tag: number): DerReader {
    return new DerReader(this.read(tag).content);
  }

  /** Throws unless everything was read. */
  end(): void {
    if (!this.done) throw malformed('bytes are left over');
  }

  // X.690, section 10.1: definite form, fewest octets. Four octets of length are more than any certificate has.
  #readLength(): number {
    const first = this.#bytes[this.#at++];
    if (first === undefined) throw malformed('a length is missing');
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw malformed('an indefinite or oversized length');
    let length = 0;
    for (let digit = 0; digit < count; digit++) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw malformed('a length is cut short');
      length = length * 256 + byte;
    }
    if (length < 0x80 || length < 256 ** (count - 1)) throw malformed('a length that is not minimal');
    return length;
  }
}

/** The one element that `bytes` consists of. */
export function readOnly(bytes: Uint8Array, tag: number): Element {
  const reader = new DerReader(bytes);
  const element = reader.read(tag);
  reader.end();
  return element;
}

export function readBoolean(element: Element): boolean {
  const [value] = element.content;
  if (element.content.length !== 1 || (value !== 0 && value !== 0xff)) throw malformed('a boolean is 00 or FF');
  return value === 0xff;
}

/** The content of an INTEGER, checked to be minimal. */
export function readIntegerBytes(element: Element): Uint8Array {
  const [first, second = 0] = element.content;
  if (first === undefined) throw malformed('an empty integer');
  const padded = element.content.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
  if (padded) throw malformed('an integer that is not minimal');
  return element.content;
}

/** A non-negative INTEGER of at most four bytes. */
export function readSmallInteger(element: Element): number {
  const bytes = readIntegerBytes(element);
  if (bytes.length > 4 || (bytes[0] as number) >= 0x80) throw malformed('an integer out of bounds');
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}

/** An OBJECT IDENTIFIER in dotted form. */
export function readOid(element: Element): string {
  const { content } = element;
  if (content.length === 0 || content.length > 64 || (content.at(-1) as number) >= 0x80)
    throw malformed('a broken object identifier');
  const arcs: number[] = [];
  let arc = 0;
  let fresh = true;
  for (const byte of content) {
    if (fresh && byte === 0x80) throw malformed('an object identifier that is not minimal');
    arc = arc * 128 + (byte & 0x7f);
    if (!Number.isSafeInteger(arc)) throw malformed('an object identifier out of bounds');
    fresh = byte < 0x80;
    if (fresh) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const [head = 0, ...rest] = arcs;
  const root = Math.min(2, Math.floor(head / 40));
  return [root, head - root * 40, ...rest].join('.');
}

/** A BIT STRING of whole bytes. */
export function readBitString(element: Element): Uint8Array {
  if (element.content[0] !== 0) throw malformed('a bit string of broken bytes');
  return element.content.subarray(1);
}

/** The numbers of the bits set in a named BIT STRING, in minimal form (X.690, section 11.2.2). */
export function readNamedBits(element: Element): number[] {
  const [unused, ...bytes] = element.content;
  if (unused === undefined || unused > 7 || (bytes.length === 0 && unused > 0)) throw malformed('a broken bit string');
  const last = bytes.at(-1);
  if (last !== undefined && (last & ((1 << (unused + 1)) - 1)) !== 1 << unused)
    throw malformed('a bit string that is not minimal');
  return bytes.flatMap((byte, at) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => byte & (0x80 >> bit)).map((bit) => at * 8 + bit),
  );
}

const utcTime = /^\d{12}Z$/;
const generalizedTime = /^\d{14}Z$/;

/** UTCTime or GeneralizedTime in the one form that RFC 5280, section 4.1.2.5 allows, as epoch milliseconds. */
export function readTime(element: Element): number {
  const text = Buffer.from(element.content).toString('latin1');
  const short = element.tag === tags.utcTime && utcTime.test(text);
  const long = element.tag === tags.generalizedTime && generalizedTime.test(text);
  if (!short && !long) throw malformed('a broken time');
  const stamp = short ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text;
  if (long && Number(stamp.slice(0, 4)) < 2050) throw malformed('a time before 2050 in the long form');
  const iso = stamp.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6.000Z');
  const epochMs = Date.parse(iso);
  if (Number.isNaN(epochMs) || new Date(epochMs).toISOString() !== iso) throw malformed('a time that does not exist');
  return epochMs;
}
