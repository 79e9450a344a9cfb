import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { normalisePath } from './index.ts';

describe('normalisePath', () => {
  test.each([
    ['/', '/'],
    ['/a/b', '/a/b'],
    ['/a/b/', '/a/b/'],
    ['/a//b///', '/a/b/'],
    ['/a/./b/.', '/a/b/'],
    ['/a/../b', '/b'],
    ['/a/b/..', '/a/'],
    ['/a/b/../..', '/'],
    ['/%61%2D%2e%7E', '/a-.~'],
    ['/a/%2e%2e/b', '/b'],
    ['/%c3%a9', '/%C3%A9'],
    ['/a%20b', '/a%20b'],
    ['/%2520', '/%2520'],
    ['/a[1]|^', '/a%5B1%5D%7C%5E'],
    ["/-._~!$&'()*+,;=:@", "/-._~!$&'()*+,;=:@"],
    ['/...', '/...'],
    ['/.a/..b', '/.a/..b'],
  ])('%s is %s', (raw, path) => {
    expect(normalisePath(raw)).toEqual({ path, hasEncodedSlash: false });
  });

  test('an encoded slash is kept and told', () => {
    expect(normalisePath('/a%2fb/..%2Fc')).toEqual({ path: '/a%2Fb/..%2Fc', hasEncodedSlash: true });
  });

  test.each([
    'a',
    '',
    '*',
    '/..',
    '/../a',
    '/a/../..',
    '/a//../../b',
    '/%2e%2e',
    '/.%2E/',
    '/a/..;/b',
    '/a/.;x/b',
    '/a/..%3b/b',
    '/%00',
    '/%0a',
    '/%7f',
    '/%5c',
    '/\\',
    '/%',
    '/%4',
    '/%4g',
    '/a b',
    '/a"b',
    '/<',
    '/é',
    '/a\0',
  ])('%s is refused', (raw) => {
    expect(() => normalisePath(raw)).toThrow(expect.objectContaining({ code: 'net.bad-path', status: 400 }));
  });

  test('is idempotent, absolute, and free of dot segments', () => {
    const piece = fc.constantFrom('/', '/', 'a', '.', '..', '%2e', '%2F', '%61', ';', '%c3', '[', '~');
    const path = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`);
    fc.assert(
      fc.property(path, (raw) => {
        let once: ReturnType<typeof normalisePath>;
        try {
          once = normalisePath(raw);
        } catch {
          return;
        }
        expect(normalisePath(once.path).path).toBe(once.path);
        if (once.path.includes('%2F')) expect(once.hasEncodedSlash).toBe(true);
        expect(once.path.startsWith('/')).toBe(true);
        expect(once.path.split('/').slice(1, -1)).not.toContain('');
        for (const segment of once.path.split('/')) expect(['.', '..']).not.toContain(segment);
      }),
      { numRuns: 5000 },
    );
  });
});
