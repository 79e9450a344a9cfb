import { describe, expect, it } from 'vitest';
import { numberFormats, textFormats } from './formats.ts';

const cases: Readonly<Record<string, readonly [good: readonly string[], bad: readonly string[]]>> = {
  date: [
    ['2024-02-29', '0001-01-01', '2000-02-29'],
    ['2023-02-29', '1900-02-29', '2024-13-01', '2024-00-10', '2024-04-31', '2024-1-1', '24-01-01', '2024-01-01 ', ''],
  ],
  time: [
    ['12:00:00Z', '23:59:60Z', '00:00:00.123456+05:30', '08:59:60-15:00'],
    ['24:00:00Z', '12:60:00Z', '12:00:60Z', '12:00:00', '12:00Z', '12:00:00+24:00', '12:00:00.Z'],
  ],
  'date-time': [
    ['2024-02-29T12:00:00Z', '2024-01-01t00:00:00z', '1998-12-31T23:59:60Z'],
    ['2024-02-30T12:00:00Z', '2024-01-01 12:00:00Z', '2024-01-01', '2024-01-01T12:00:00'],
  ],
  duration: [
    ['P1D', 'PT1S', 'P1Y2M3DT4H5M6S', 'P2W', 'P1M'],
    ['P', 'PT', 'P1', '1D', 'P1Y3D', 'PT1H3S', 'P1W1D', 'P1D1Y', 'p1d', 'P-1D'],
  ],
  uuid: [
    ['2EB8AA08-AA98-11EA-B4AA-73B441D16380', '00000000-0000-0000-0000-000000000000'],
    [
      '2eb8aa08aa9811eab4aa73b441d16380',
      '2eb8aa08-aa98-11ea-b4aa-73b441d1638',
      'x',
      "2eb8aa08-aa98-11ea-b4aa-73b441d16380'",
    ],
  ],
  email: [
    ['a@b', 'first.last+tag@example.com'],
    ['@b', 'a@', 'a', 'a..b@c', '.a@b', 'a b@c', 'a@-b', `${'a'.repeat(65)}@b`, 'a@b\n', 'a@b@c@'],
  ],
  hostname: [
    ['example.com', 'a', 'xn--bcher-kva.example', `${'a'.repeat(63)}.b`],
    ['', '-a', 'a-', 'a..b', 'a_b', `${'a'.repeat(64)}`, '.', 'a.', 'é'],
  ],
  ipv4: [
    ['127.0.0.1', '255.255.255.255'],
    ['256.0.0.1', '1.2.3', '01.2.3.4', '1.2.3.4.5', '0x7f.1', '١.2.3.4'],
  ],
  ipv6: [
    ['::', '2001:db8::1', '::ffff:192.0.2.1'],
    ['::1%eth0', '1::2::3', '12345::', ':', '1.2.3.4'],
  ],
  uri: [
    ['https://a.example/b?c=d#e', 'urn:isbn:0', 'mailto:a@b', 'http://[::1]:80/'],
    ['/relative', '//a', 'a b:c', 'https://a b', 'http://a\\b', 'http://a/%zz', 'http://[x]/', 'http://a#b#c', ':'],
  ],
  'uri-reference': [
    ['/a', '', '../x', '//host/a'],
    ['a b', '\\\\host', '%z', 'é'],
  ],
  iri: [['https://é.example/ü'], ['/x', 'http://a b']],
  'json-pointer': [
    ['', '/a/~0~1', '/'],
    ['a', '/~2', '/~'],
  ],
  regex: [
    ['^a+$', ''],
    ['(', '\\', `${'a'.repeat(2000)}`],
  ],
  byte: [
    ['', 'YQ==', 'YWI=', 'YWJj'],
    ['YQ', 'YQ=', 'Y===', 'Y Q=', 'YQ==\n', 'Y-_='],
  ],
  char: [
    ['a', '😀'],
    ['', 'ab'],
  ],
};

describe('formats of texts', () => {
  it.each(Object.entries(cases))('%s', (name, [good, bad]) => {
    const check = textFormats.get(name) as (text: string) => boolean;
    expect(good.filter((text) => !check(text))).toEqual([]);
    expect(bad.filter(check)).toEqual([]);
  });

  it.each([...textFormats.keys()].filter((name) => name !== 'regex'))(
    '%s takes a long hostile text in linear time',
    (name) => {
      const check = textFormats.get(name) as (text: string) => boolean;
      const start = performance.now();
      for (const unit of ['a', '1', ':', '.', 'a.', '1:', '-', '%41', '@', '~0/', 'P1Y', '[', '=']) {
        check(`${unit.repeat(100_000)}!`);
        check(`https://${unit.repeat(100_000)}!`);
      }
      expect(performance.now() - start).toBeLessThan(1500);
    },
  );
});

describe('formats of numbers', () => {
  it.each([
    ['int32', [2 ** 31 - 1, -(2 ** 31)], [2 ** 31, 1.5]],
    ['int64', [2 ** 53, -(2 ** 63)], [2 ** 64, 0.5]],
    ['uint8', [0, 255], [-1, 256]],
    ['float', [1.5, 3.4e38], [3.5e38]],
    ['double', [1e308], [Number.POSITIVE_INFINITY]],
  ])('%s', (name, good, bad) => {
    const check = numberFormats.get(name) as (value: number) => boolean;
    expect([good.every(check), bad.some(check)]).toEqual([true, false]);
  });
});
