import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatSpiffeId, parseSpiffeId, roleSpiffeId, serviceSpiffeId, tryParseSpiffeId } from './spiffe-id.ts';

describe('SPIFFE ID', () => {
  it.each([
    ['spiffe://shop.example', 'shop.example', ''],
    ['spiffe://shop.example/service/orders', 'shop.example', '/service/orders'],
    ['spiffe://10.2.3.4/a', '10.2.3.4', '/a'],
    ['spiffe://a_b-c.d/9eebccd2-12bf-40a6-b262-65fe0487d453', 'a_b-c.d', '/9eebccd2-12bf-40a6-b262-65fe0487d453'],
    ['spiffe://shop.example/...', 'shop.example', '/...'],
    ['spiffe://shop.example/A.b_C-1', 'shop.example', '/A.b_C-1'],
  ])('takes %s', (text, trustDomain, path) => {
    expect(parseSpiffeId(text)).toEqual({ trustDomain, path });
    expect(formatSpiffeId({ trustDomain, path })).toBe(text);
  });

  it.each([
    '',
    'spiffe://',
    'spiffe:///path',
    'spiffe:/shop.example',
    'SPIFFE://shop.example/a',
    'https://shop.example/a',
    'spiffe://Shop.example/a',
    'spiffe://shop.example/',
    'spiffe://shop.example/a/',
    'spiffe://shop.example//a',
    'spiffe://shop.example/a/./b',
    'spiffe://shop.example/a/../b',
    'spiffe://shop.example/..',
    'spiffe://shop.example/a%20b',
    'spiffe://shop%2eexample/a',
    'spiffe://user@shop.example/a',
    'spiffe://shop.example:443/a',
    'spiffe://[::1]/a',
    'spiffe://shop.example?q',
    'spiffe://shop.example/a?q',
    'spiffe://shop.example/a#f',
    'spiffe://shop.example/ä',
    'spiffe://shöp.example/a',
    'spiffe://shop.example/a\n',
    'spiffe://shop.example\n/a',
    ' spiffe://shop.example/a',
    `spiffe://${'a'.repeat(256)}/a`,
    `spiffe://shop.example/${'a'.repeat(2048)}`,
  ])('refuses %j', (text) => {
    expect(tryParseSpiffeId(text)).toBeUndefined();
    expect(() => parseSpiffeId(text)).toThrow(expect.objectContaining({ code: 'identity.invalid-spiffe-id' }));
  });

  it('takes 2,048 bytes and a trust domain of 255', () => {
    const long = `spiffe://${'a'.repeat(255)}/`;
    expect(tryParseSpiffeId(long + 'b'.repeat(2048 - long.length))).toBeDefined();
  });

  it('reads back what it formats, and takes no text that it would write otherwise', () => {
    const segment = fc.stringMatching(/^[a-zA-Z0-9._-]{1,20}$/).filter((name) => name !== '.' && name !== '..');
    const id = fc.record({
      trustDomain: fc.stringMatching(/^[a-z0-9._-]{1,40}$/),
      path: fc.array(segment).map((all) => all.map((one) => `/${one}`).join('')),
    });
    fc.assert(
      fc.property(id, (given) => {
        expect(parseSpiffeId(formatSpiffeId(given))).toEqual(given);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'spiffe:/.a%A?#@ _-') }), (rest) => {
        const text = `spiffe://${rest}`;
        const read = tryParseSpiffeId(text);
        expect(read === undefined || formatSpiffeId(read) === text).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('names services and roles, and lets no service name reach out of its place', () => {
    expect(serviceSpiffeId('shop.example', 'orders')).toBe('spiffe://shop.example/service/orders');
    expect(roleSpiffeId('shop.example', 'gateway')).toBe('spiffe://shop.example/merlon/gateway');
    for (const name of ['', '.', '..', '../merlon/control', 'a/b', 'a b', 'a/'])
      expect(() => serviceSpiffeId('shop.example', name)).toThrow(
        expect.objectContaining({ code: 'identity.invalid-spiffe-id' }),
      );
  });
});
