import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultGraphqlLimits, type GraphqlLimits } from '../../api/openapi.ts';
import { compileGraphql } from './guard.ts';

const unlimited: GraphqlLimits = {
  maxDepth: 1e9,
  maxAliases: 1e9,
  maxCost: 1e15,
  maxDirectives: 1e9,
  maxTokens: 1e9,
  maxBatch: 1e9,
  introspection: true,
};

function codeOf(query: unknown, limits: Partial<GraphqlLimits> = {}, more: object = {}): string | undefined {
  const check = compileGraphql({ ...defaultGraphqlLimits, ...limits });
  return check('POST', 'application/json', Buffer.from(JSON.stringify({ query, ...more })))?.reason.code;
}

describe('the cost of a GraphQL request', () => {
  const within = { maxCost: 500 };

  it.each<[string, string, object?]>([
    ['in an input object', '{ a(page: { first: 1000 }) { b } }'],
    ['deep in one', '{ a(x: [{ y: { limit: 1000 } }]) { b } }'],
    ['in a variable that is one', 'query ($p: P) { a(page: $p) { b } }', { variables: { p: { first: 1000 } } }],
    ['in a variable within one', 'query ($n: Int) { a(page: { first: $n }) { b } }', { variables: { n: 1000 } }],
    [
      'in a variable in a list',
      'query ($p: P) { a(pages: [$p]) { b } }',
      { variables: { p: [{ x: { take: 1000 } }] } },
    ],
    ['in the default of one', 'query ($p: P = { page: { first: 1000 } }) { a(page: $p) { b } }'],
    ['by another name', '{ a(size: 1000) { b } }'],
  ])('counts a page size %s', (_, query, more) => {
    expect(codeOf(query, within, more)).toBe('openapi.graphql-cost');
    expect(codeOf(query, { maxCost: 1e6 }, more)).toBeUndefined();
    expect(
      codeOf(query.replaceAll('1000', '10'), within, JSON.parse(JSON.stringify(more ?? {}).replaceAll('1000', '10'))),
    ).toBe(undefined);
  });

  it('is not made less by a size below one', () => {
    expect(codeOf('{ a(first: 0.001) { b(first: 1000) { c } } }', within)).toBe('openapi.graphql-cost');
    expect(codeOf('{ a(page: { first: 0 }) { b(first: 1000) { c } } }', within)).toBe('openapi.graphql-cost');
  });
});

describe('a GraphQL request', () => {
  const check = compileGraphql();
  const body = Buffer.from('{"query":"{a}"}');
  const ask = (query: string) => check('POST', 'application/json', body, query)?.reason.code;

  it('is not taken from the URL, which some servers prefer to the body that is measured', () => {
    for (const query of [
      'query={__schema{types{name}}}',
      'a=1&variables=%7B%7D',
      'qu%65ry=x',
      'query[]=x',
      'operationName',
    ])
      expect([query, ask(query)]).toEqual([query, 'openapi.graphql-malformed']);
    expect(ask('')).toBeUndefined();
    expect(ask('trace=1&q=query')).toBeUndefined();
  });
});

describe('GraphQL requests', () => {
  it.each([
    '{ a }',
    'query Q($n: Int! = 5, $l: [String!]!) @d(a: [1, {b: "c"}]) { a: b(first: $n, x: null, y: ENUM, z: -1.5e3) @include(if: true) { ...F ... on T { c } ... @skip(if: false) { d } } } fragment F on T { e }',
    '# comment\n{ a(s: "x \\" } {", t: """ block " \\""" } """) , b }',
    '\ufeffmutation { a }',
    'subscription { a { on fragment query } }',
  ])('may be well-formed: %s', (query) => {
    expect(codeOf(query)).toBeUndefined();
  });

  it.each([
    '',
    '{',
    '{ }',
    '{ a',
    '{ a } }',
    'type T { a: Int }',
    '{ a(b: ) }',
    '{ a(b: 1 }',
    '{ "a" }',
    '{ a(s: "x) }',
    '{ a(s: "x\n") }',
    '{ ...F }',
    '{ ...F } fragment F on T { ...G } fragment G on T { ...F }',
    'fragment F on T { a }',
    '{ a } fragment F on T { b } fragment F on T { c }',
    'fragment on on T { a }',
    '{ a } { b }',
    'query A { a } query A { b }',
    '{ a ? }',
    '{ a: }',
    '...',
    `${'{a'.repeat(500)}`,
    '{ a(b: [[[[[',
    7,
    null,
  ])('must be well-formed: %s', (query) => {
    expect(codeOf(query)).toBe('openapi.graphql-malformed');
  });

  const deep = `${'{ a '.repeat(30)}${'}'.repeat(30)}`;
  const aliases = `{ ${Array.from({ length: 50 }, (_, index) => `a${index}: login(pin: ${index}) { ok }`).join(' ')} }`;
  const pages = '{ users(first: 100) { orders(first: 100) { lines(first: 100) { id } } } }';
  const doubling = `{ ...F0 } ${Array.from({ length: 60 }, (_, index) => `fragment F${index} on T { x: a { ...F${index + 1} } y: a { ...F${index + 1} } }`).join(' ')} fragment F60 on T { a }`;

  it.each([
    ['deep ones', deep, 'openapi.graphql-depth'],
    [
      'deep ones by fragments',
      '{ ...A } fragment A on T { a { b { c { d { ...B } } } } } fragment B on T { a { b { c { d { e { f { g } } } } } } }',
      'openapi.graphql-depth',
    ],
    ['many aliases', aliases, 'openapi.graphql-aliases'],
    ['pages of pages', pages, 'openapi.graphql-cost'],
    ['introspection', '{ __schema { types { name } } }', 'openapi.graphql-introspection'],
    ['introspection under another name', '{ a: __type(name: "User") { name } }', 'openapi.graphql-introspection'],
    [
      'introspection in a fragment',
      '{ ...F } fragment F on Query { __schema { types { name } } }',
      'openapi.graphql-introspection',
    ],
    ['many directives', `{ a ${'@x '.repeat(100)} }`, 'openapi.graphql-directives'],
    ['many tokens', `{ ${'a '.repeat(5000)} }`, 'openapi.graphql-malformed'],
  ])('refuses %s, which pass without the limit', (_what, query, code) => {
    expect(codeOf(query)).toBe(code);
    expect(codeOf(query, unlimited)).toBeUndefined();
  });

  it('counts fragments that double at each step without following each way', () => {
    const start = performance.now();
    expect(codeOf(doubling, { ...unlimited, maxAliases: 1e6 })).toBe('openapi.graphql-aliases');
    expect(codeOf(doubling, { ...unlimited, maxAliases: 1e13, maxCost: 1e6 })).toBe('openapi.graphql-cost');
    expect(performance.now() - start).toBeLessThan(500);
  });

  it('takes page sizes from variables and their defaults', () => {
    const query = 'query ($n: Int = 2000) { users(first: $n) { id name email } }';
    expect(codeOf(query)).toBe('openapi.graphql-cost');
    expect(codeOf(query, {}, { variables: { n: 5 } })).toBeUndefined();
    expect(codeOf(query, {}, { variables: { n: 1e9 } })).toBe('openapi.graphql-cost');
    expect(codeOf(query, {}, { variables: { n: -1 } })).toBeUndefined();
  });

  it('leaves __typename alone and judges the operation that is named', () => {
    expect(codeOf('{ a { __typename } }')).toBeUndefined();
    const two = 'query A { a } query B { __schema { types { name } } }';
    expect(codeOf(two, {}, { operationName: 'A' })).toBeUndefined();
    expect(codeOf(two, {}, { operationName: 'B' })).toBe('openapi.graphql-introspection');
    expect(codeOf(two)).toBe('openapi.graphql-malformed');
  });

  it('takes a POST of strict JSON only, and no batch unless allowed', () => {
    const check = compileGraphql();
    const send = (body: string, method = 'POST', type: string | undefined = 'application/json') =>
      check(method, type, Buffer.from(body))?.reason.code;
    expect(send('{"query":"{ a }"}', 'GET')).toBe('openapi.graphql-method');
    expect(send('{"query":"{ a }"}', 'POST', 'text/plain')).toBe('openapi.media-type');
    expect(check('POST', undefined, Buffer.from('{}'))?.status).toBe(415);
    expect(send('{"query":"{ a }","query":"{ __schema { x } }"}')).toBe('openapi.duplicate-key');
    expect(send('{"query":"{ a }","id":1}')).toBe('openapi.graphql-malformed');
    expect(send('{"query":"{ a }","variables":[]}')).toBe('openapi.graphql-malformed');
    expect(send('{"extensions":{"persistedQuery":{}}}')).toBe('openapi.graphql-malformed');
    expect(send('[{"query":"{ a }"},{"query":"{ b }"}]')).toBe('openapi.graphql-batch');
    expect(
      compileGraphql({ ...defaultGraphqlLimits, maxBatch: 2 })(
        'POST',
        'application/json',
        Buffer.from('[{"query":"{ a }"},{"query":"{ __schema { x } }"}]'),
      )?.reason.code,
    ).toBe('openapi.graphql-introspection');
  });

  it('never make the check throw', () => {
    const token = fc.constantFrom(
      '{',
      '}',
      '(',
      ')',
      '[',
      ']',
      ':',
      '...',
      'on',
      'a',
      '$',
      '@',
      '"',
      '"""',
      '=',
      '!',
      '1',
      '-',
      '#',
      '\n',
      'fragment',
      'query',
      '|',
      '\\',
      ' ',
      'é',
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 25 }), (tokens) => {
        codeOf(tokens.join(' '), unlimited);
        codeOf(tokens.join(''));
      }),
      { numRuns: 1000 },
    );
  });
});
