import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EvaluationError } from './evaluation-error.ts';
import { parseDateTime, parseDuration } from './extensions/datetime.ts';
import { parseDecimal } from './extensions/decimal.ts';
import { parseIpAddress } from './extensions/ip-address.ts';
import { formatValue } from './format-value.ts';
import { CedarSet, EntityStore, EntityUid, recordOf, uidOf, valueOfJson } from './index.ts';
import { compileLikePattern, type PatternPart } from './like-pattern.ts';
import { add, floorTo, modulo, multiply, negate, subtract } from './longs.ts';
import { equal } from './values.ts';

const i64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.maxSafeInteger().map(BigInt),
  fc.integer().map(BigInt),
);
const long = (value: bigint) => (Number.isSafeInteger(Number(value)) ? Number(value) : value);

describe('longs', () => {
  it.each([
    ['add', add, (a: bigint, b: bigint) => a + b],
    ['subtract', subtract, (a: bigint, b: bigint) => a - b],
    ['multiply', multiply, (a: bigint, b: bigint) => a * b],
  ])('%s as 64-bit integers, in one form, or overflow', (_, ours, exact) => {
    fc.assert(
      fc.property(i64, i64, (a, b) => {
        const wanted = exact(a, b);
        if (wanted !== BigInt.asIntN(64, wanted)) expect(() => ours(long(a), long(b))).toThrow(EvaluationError);
        else expect(ours(long(a), long(b))).toBe(long(wanted));
      }),
    );
  });

  it('negate all but the smallest', () => {
    expect(negate(0)).toBe(0);
    expect(negate(-(2n ** 53n))).toBe(2n ** 53n);
    expect(() => negate(-(2n ** 63n))).toThrow(EvaluationError);
  });

  it('round toward the past', () => {
    expect(floorTo(-1, 1000)).toBe(-1000);
    expect(modulo(-1, 1000)).toBe(999);
    expect(() => floorTo(-(2n ** 63n), 86_400_000)).toThrow(EvaluationError);
  });
});

describe('values', () => {
  it('are equal by what they hold, and never across types', () => {
    const set = (...items: never[]) => valueOfJson(items);
    expect(equal(set(...([1, 2, 2] as never[])), set(...([2, 1] as never[])))).toBe(true);
    expect(equal(valueOfJson({ a: { b: [1] } }), valueOfJson({ a: { b: [1] } }))).toBe(true);
    expect(equal(valueOfJson({ a: 1 }), valueOfJson({ a: 1, b: 1 }))).toBe(false);
    expect(equal(valueOfJson({ a: 1, b: 1 }), valueOfJson({ a: 1 }))).toBe(false);
    expect(equal(valueOfJson(1), valueOfJson('1'))).toBe(false);
    expect(equal(parseDecimal('1.50'), parseDecimal('1.5'))).toBe(true);
    expect(equal(parseIpAddress('::1'), parseIpAddress('0:0:0:0:0:0:0:1'))).toBe(true);
    expect(equal(parseIpAddress('10.0.0.1'), parseIpAddress('10.0.0.1/31'))).toBe(false);
  });

  it('are found in large sets as in small ones', () => {
    const items = Array.from({ length: 100 }, (_, at) => (at % 2 === 0 ? at : new EntityUid('T', `${at}`)));
    const large = new CedarSet(items);
    expect(large.contains(98)).toBe(true);
    expect(large.contains(new EntityUid('T', '99'))).toBe(true);
    expect(large.contains(new EntityUid('T', '98'))).toBe(false);
    expect(large.containsAll(new CedarSet([0, new EntityUid('T', '1')]))).toBe(true);
  });

  it('are no values where JSON holds something else', () => {
    for (const json of [
      null,
      1.5,
      2 ** 60,
      Number.NaN,
      { __extn: { fn: 'eval', arg: '1' } },
      { __entity: { type: 'T' } },
    ]) {
      expect(() => valueOfJson(json as never)).toThrow(expect.objectContaining({ code: 'policy.value' }));
    }
  });

  it('keep names apart from prototypes', () => {
    const record = recordOf(JSON.parse('{"__proto__": 1}'));
    expect(record.get('__proto__')).toBe(1);
    expect(record.get('constructor')).toBeUndefined();
  });

  it('read well', () => {
    expect(formatValue(parseDecimal('-0.5'))).toBe('-0.5000');
    expect(formatValue(parseIpAddress('10.0.0.0/8'))).toBe('10.0.0.0/8');
    expect(formatValue(parseIpAddress('2001:db8::1'))).toBe('2001:db8:0:0:0:0:0:1');
    expect(formatValue(parseDateTime('2026-01-31T08:00:00+0100'))).toBe('2026-01-31T07:00:00.000Z');
    expect(formatValue(parseDuration('1m1ms'))).toBe('60001ms');
    expect(formatValue(valueOfJson([]))).toBe('none');
    expect(formatValue(valueOfJson(Array.from({ length: 12 }, (_, at) => at)))).toBe(
      '0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more',
    );
    expect(formatValue(new EntityUid('T', 'a"b'))).toBe('T::"a\\"b"');
  });
});

describe('like', () => {
  const parts = fc.array(
    fc.oneof(
      fc.constant<PatternPart>('Wildcard'),
      fc.string({ unit: fc.constantFrom('a', 'b', '.') }).map((Literal) => ({ Literal })),
    ),
    { maxLength: 5 },
  );

  it('matches as the regular expression of the pattern does', () => {
    fc.assert(
      fc.property(parts, fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 8 }), (pattern, text) => {
        const source = pattern
          .map((part) => (part === 'Wildcard' ? '.*' : part.Literal.replaceAll('.', '\\.')))
          .join('');
        expect(compileLikePattern(pattern)(text)).toBe(new RegExp(`^${source}$`).test(text));
      }),
      { numRuns: 500 },
    );
  });

  it('is quick on what backtracks', () => {
    const pattern = Array.from({ length: 60 }, (_, at): PatternPart => (at % 2 === 0 ? 'Wildcard' : { Literal: 'a' }));
    expect(compileLikePattern([...pattern, { Literal: 'b' }])('a'.repeat(100_000))).toBe(false);
  });
});

describe('entities', () => {
  const uid = (id: string) => ({ type: 'T', id });
  const store = new EntityStore([
    { uid: uid('a'), parents: [uid('b'), uid('c')] },
    { uid: uid('b'), parents: [uid('d')] },
    { uid: uid('c'), parents: [uid('d')] },
  ]);

  it('are in themselves and in all above', () => {
    expect(store.isIn(uidOf(uid('a')), uidOf(uid('d')))).toBe(true);
    expect(store.isIn(uidOf(uid('d')), uidOf(uid('a')))).toBe(false);
    expect(store.isIn(uidOf(uid('x')), uidOf(uid('x')))).toBe(true);
    expect(
      store
        .ancestors(uidOf(uid('a')))
        .map(({ id }) => id)
        .sort(),
    ).toEqual(['b', 'c', 'd']);
    expect(store.attributes(uidOf(uid('d')))).toBeUndefined();
  });
});
