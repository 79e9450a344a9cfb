// DER (X.690, section 10): what certificates are written in. Each function gives one finished element.

import { tags } from './der-tags.ts';
import { CryptoError } from './errors.ts';

/** One element: tag, minimal length, content. */
export function element(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.byteLength, 0);
  return Buffer.concat([Buffer.from([tag]), lengthBytes(length), ...parts]);
}

function lengthBytes(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const digits = unsignedBytes(BigInt(length));
  return Buffer.concat([Buffer.from([0x80 | digits.length]), digits]);
}

function unsignedBytes(value: bigint): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => element(tags.sequence, ...parts);
export const set = (...parts: readonly Uint8Array[]): Buffer => element(tags.set, ...parts);
export const octetString = (...parts: readonly Uint8Array[]): Buffer => element(tags.octetString, ...parts);
export const utf8String = (text: string): Buffer => element(tags.utf8String, Buffer.from(text));
export const printableString = (text: string): Buffer => element(tags.printableString, Buffer.from(text, 'latin1'));
export const nothing: Buffer = element(tags.null);
export const yes: Buffer = element(tags.boolean, Buffer.from([0xff]));

/** A context-specific tag around whole elements (`[n] EXPLICIT`, or `[n] IMPLICIT` of a constructed type). */
export const context = (number: number, ...parts: readonly Uint8Array[]): Buffer => element(0xa0 | number, ...parts);

/** A context-specific tag in place of a primitive type's own (`[n] IMPLICIT`). */
export const contextPrimitive = (number: number, content: Uint8Array): Buffer => element(0x80 | number, content);

/** A non-negative INTEGER. */
export function integer(value: bigint | number): Buffer {
  const digits = unsignedBytes(BigInt(value));
  const sign = (digits[0] as number) >= 0x80 ? [Buffer.from([0])] : [];
  return element(tags.integer, ...sign, digits);
}

/** A BIT STRING of whole bytes. */
export const bitString = (bytes: Uint8Array): Buffer => element(tags.bitString, Buffer.from([0]), bytes);

/** A BIT STRING of named bits: trailing zero bits are left away (X.690, section 11.2.2). */
export function namedBits(bits: readonly number[]): Buffer {
  const highest = Math.max(-1, ...bits);
  const bytes = Buffer.alloc((highest >> 3) + 1);
  for (const bit of bits) bytes[bit >> 3] = (bytes[bit >> 3] as number) | (0x80 >> (bit & 7));
  const unused = highest < 0 ? 0 : 7 - (highest & 7);
  return element(tags.bitString, Buffer.from([unused]), bytes);
}

/** An OBJECT IDENTIFIER in dotted form. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return element(tags.oid, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(arc: number): number[] {
  const digits = [arc % 128];
  for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) digits.unshift(0x80 | (left % 128));
  return digits;
}

/** A time in whole seconds: UTCTime through 2049, GeneralizedTime from then on (RFC 5280, section 4.1.2.5). */
export function time(epochMs: number): Buffer {
  const at = new Date(epochMs);
  const year = at.getUTCFullYear();
  if (!(year >= 1950 && year <= 9999)) throw new CryptoError('der.malformed', 'a certificate cannot hold that time');
  const stamp = `${at.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;
  return year < 2050
    ? element(tags.utcTime, Buffer.from(stamp.slice(2)))
    : element(tags.generalizedTime, Buffer.from(stamp));
}
