import { describe, expect, it } from 'vitest';
import { documentOf } from '../document.suite.ts';
import { compileMatcher } from './matcher.ts';

const ok = "responses: { '200': { description: ok } }";

function matcherOf(paths: Readonly<Record<string, readonly string[]>>, basePaths: readonly string[] = ['']) {
  const lines = Object.entries(paths).map(([template, methods]) => {
    const names = [...template.matchAll(/\{([^}]+)\}/g)].map(
      ([, name]) => `{ name: '${name}', in: path, required: true, schema: { type: string } }`,
    );
    return `  '${template}': { parameters: [${names}], ${methods.map((method) => `${method}: { ${ok} }`).join(', ')} }`;
  });
  const match = compileMatcher(documentOf(`paths:\n${lines.join('\n')}\n`).operations, basePaths);
  return (method: string, path: string) => {
    const result = match(method, path);
    return result.kind === 'match'
      ? [result.operation.id, { ...result.params }]
      : result.kind === 'no-path'
        ? 'no-path'
        : result.allow;
  };
}

describe('matching a path', () => {
  const match = matcherOf({
    '/': ['get'],
    '/pets': ['get', 'post'],
    '/pets/mine': ['get'],
    '/pets/{id}': ['get', 'delete'],
    '/pets/{id}/toys/{toy}': ['get'],
    '/files/{name}.json': ['get'],
    '/compare/{base}...{head}': ['get'],
    '/compare/{any}': ['get'],
  });

  it.each([
    ['GET', '/', ['GET /', {}]],
    ['GET', '/pets/7', ['GET /pets/{id}', { id: '7' }]],
    ['GET', '/pets/mine', ['GET /pets/mine', {}]],
    ['HEAD', '/pets/7', ['GET /pets/{id}', { id: '7' }]],
    ['GET', '/pets/a%20b', ['GET /pets/{id}', { id: 'a b' }]],
    ['GET', '/pets/__proto__', ['GET /pets/{id}', { id: '__proto__' }]],
    ['GET', '/pets/mine/toys/x', ['GET /pets/{id}/toys/{toy}', { id: 'mine', toy: 'x' }]],
    ['GET', '/files/a.json', ['GET /files/{name}.json', { name: 'a' }]],
    ['GET', '/files/.json', 'no-path'],
    ['GET', '/compare/a...b', ['GET /compare/{base}...{head}', { base: 'a', head: 'b' }]],
    ['GET', '/compare/a....b', ['GET /compare/{base}...{head}', { base: 'a', head: '.b' }]],
    ['GET', '/compare/a..b', ['GET /compare/{any}', { any: 'a..b' }]],
    ['DELETE', '/pets/mine', ['GET', 'HEAD']],
    ['PUT', '/pets', ['GET', 'HEAD', 'POST']],
    ['GET', '/pets/', 'no-path'],
    ['GET', '/pets//toys/x', 'no-path'],
    ['GET', '/pets/%ff', 'no-path'],
    ['GET', '/other', 'no-path'],
    ['GET', 'pets', 'no-path'],
    ['GET', '', 'no-path'],
    ['GET', '/constructor', 'no-path'],
    ['get', '/pets', ['GET', 'HEAD', 'POST']],
  ])('%s %s', (method, path, expected) => {
    expect(match(method, path)).toEqual(expected);
  });

  it('puts each base path in front', () => {
    const based = matcherOf({ '/a/{b}': ['get'] }, ['/v1', '/v2/x']);
    expect(based('GET', '/v1/a/1')).toEqual(['GET /a/{b}', { b: '1' }]);
    expect(based('GET', '/v2/x/a/1')).toEqual(['GET /a/{b}', { b: '1' }]);
    expect(based('GET', '/a/1')).toBe('no-path');
  });

  it('does not lose time on a path made to be tried in many ways', () => {
    const deep = matcherOf({
      '/{a}/{b}/{c}/{d}/{e}/{f}/x': ['get'],
      '/a/{b}/a/{d}/a/{f}/y': ['get'],
      '/a/a/a/a/a/a/z': ['get'],
      '/{a}-{b}-{c}': ['get'],
    });
    const start = performance.now();
    for (let count = 0; count < 2000; count++) expect(deep('GET', '/a/a/a/a/a/a/w')).toBe('no-path');
    expect(deep('GET', `/${'-'.repeat(50_000)}`)).toEqual([
      'GET /{a}-{b}-{c}',
      { a: '-', b: '-', c: '-'.repeat(49_996) },
    ]);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});
