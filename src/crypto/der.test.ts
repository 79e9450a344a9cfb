import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DerReader,
  readIntegerBytes,
  readNamedBits,
  readOid,
  readOnly,
  readSmallInteger,
  readTime,
} from './der-read.ts';
import { tags } from './der-tags.ts';
import * as der from './der-write.ts';
import { CryptoError } from './errors.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const first = (bytes: Uint8Array) => new DerReader(bytes).read();

describe('der', () => {
  it('reads back each integer, identifier, bit set and time that it writes', () => {
    fc.assert(
      fc.property(fc.nat(), (value) => readSmallInteger(first(der.integer(value))) === value),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.tuple(fc.nat(1), fc.nat(39)), fc.array(fc.nat(), { maxLength: 8 }), ([a, b], rest) => {
        const dotted = [a, b, ...rest].join('.');
        return readOid(first(der.oid(dotted))) === dotted;
      }),
    );
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(20)), (bits) => {
        expect(readNamedBits(first(der.namedBits(bits)))).toEqual(bits.toSorted((a, b) => a - b));
      }),
    );
    const [from, to] = [Date.UTC(1950, 0, 1), Date.UTC(2200, 0, 1)];
    fc.assert(
      fc.property(fc.integer({ min: from / 1000, max: to / 1000 }), (second) => {
        return readTime(first(der.time(second * 1000))) === second * 1000;
      }),
    );
  });

  it('writes lengths of every size so that they are read back', () => {
    for (const size of [0, 1, 127, 128, 255, 256, 65_535, 65_536, 1_000_000])
      expect(readOnly(der.octetString(Buffer.alloc(size)), tags.octetString).content.length).toBe(size);
  });

  it.each([
    ['an indefinite length', '30 80 00 00'],
    ['a length with a leading zero', '04 81 05 0000000000'],
    ['a length that is not minimal', '04 82 0001 00'],
    ['a length beyond the end', '04 05 00'],
    ['a tag of several bytes', '1f 81 01 00'],
    ['bytes left over', '04 01 00 00'],
    ['nothing', ''],
  ])('refuses %s', (_, text) => {
    expect(() => readOnly(hex(text), hex(text)[0] ?? 4)).toThrow(expect.objectContaining({ code: 'der.malformed' }));
  });

  it.each([
    ['a padded integer', () => readIntegerBytes(first(hex('02 02 0001')))],
    ['a padded negative integer', () => readIntegerBytes(first(hex('02 02 ff80')))],
    ['an empty integer', () => readIntegerBytes(first(hex('02 00')))],
    ['an identifier with a padded arc', () => readOid(first(hex('06 03 2a8001')))],
    ['an identifier cut short', () => readOid(first(hex('06 02 2a81')))],
    ['bits with a trailing zero', () => readNamedBits(first(hex('03 02 0080')))],
    ['bits set in the unused part', () => readNamedBits(first(hex('03 02 0481')))],
    ['the 30th of February', () => readTime(first(der.element(tags.utcTime, Buffer.from('260230000000Z'))))],
    ['a time without seconds', () => readTime(first(der.element(tags.utcTime, Buffer.from('2602280000Z'))))],
    [
      'an early time in the long form',
      () => readTime(first(der.element(tags.generalizedTime, Buffer.from('20260228000000Z')))),
    ],
  ])('refuses %s', (_, read) => {
    expect(read).toThrow(expect.objectContaining({ code: 'der.malformed' }));
  });

  it('meets any bytes with a value or its own error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          for (const reader = new DerReader(bytes); !reader.done; ) reader.read();
        } catch (error) {
          expect(error).toBeInstanceOf(CryptoError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
