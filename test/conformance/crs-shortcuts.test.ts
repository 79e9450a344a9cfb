import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileWaf, defaultWafOptions, type RouteWaf, type WafReport, type WafRequest } from '../../src/waf/index.ts';
import { ManualClock } from '../fakes/clock.ts';
import { loadRules, loadTests, present, requestOf, type Test, toBody } from './crs-suite.ts';

// What the engine foresees, surveys and remembers must change nothing: the same requests, once the short way and once
// with every rule tried on every value, give the same rules in the same order and the same scores.

/** As Debian's package has them. */
const olderRules = '/usr/share/modsecurity-crs/rules';

interface Ways {
  readonly short: RouteWaf;
  readonly long: RouteWaf;
}

function ways(paranoia: number): Ways {
  const ruleSets = present ? [loadRules()] : [];
  const route = (exhaustive: boolean): RouteWaf =>
    compileWaf({ ruleSets }, new ManualClock(), { ...defaultWafOptions, exhaustive }).route({
      mode: 'detect',
      paranoia,
    });
  return { short: route(false), long: route(true) };
}

const told = ({ matches, scores, wouldDeny }: WafReport): unknown => ({
  ids: matches.map(({ id }) => id),
  variables: matches.map(({ variables }) => variables),
  data: matches.map(({ data }) => data),
  scores,
  denies: wouldDeny?.reason.rule,
});

function differences({ short, long }: Ways, requests: readonly WafRequest[]): unknown[] {
  return requests.flatMap((request) => {
    const [ours, theirs] = [told(short.examine(request)), told(long.examine(request))];
    return JSON.stringify(ours) === JSON.stringify(theirs) ? [] : [JSON.stringify({ request, ours, theirs })];
  });
}

/** Values in which harmless and harmful pieces meet. */
const piece = fc.constantFrom(
  ...[
    'select',
    'union',
    ' or ',
    "'",
    '"',
    '1=1',
    '<script>',
    'onload=',
    '../',
    '/etc/passwd',
    '$(',
    '`',
    ';',
    'cat ',
    '|',
  ],
  ...[
    '%27',
    '%u0027',
    '+',
    '&lt;',
    '\\x41',
    '\\u0061',
    'the quick fox',
    'Zürich',
    '\n',
    '\0',
    '{{7*7}}',
    '{"a":1}',
    '<?php',
  ],
  ...['a', 'Z', '9', ' ', '.', ',', '@', 'http://10.0.0.1/', 'javascript:', 'eval(', 'sleep(5)', '--', '/*x*/', 'user'],
);
const value = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''));

const anyRequest = fc
  .record({
    query: value,
    body: fc.dictionary(fc.constantFrom('a', 'name', 'q[]', 'x.y'), value),
    agent: value,
    json: fc.boolean(),
  })
  .map(({ query, body, agent, json }): WafRequest => {
    const text = json ? JSON.stringify(body) : new URLSearchParams(body).toString();
    const bytes = Buffer.from(text, 'utf8');
    return {
      method: 'POST',
      uri: `/a/b?q=${encodeURIComponent(query)}&r=1`,
      protocol: 'HTTP/1.1',
      headers: [
        ['Host', 'shop.example'],
        [
          'User-Agent',
          Buffer.from(agent, 'utf8')
            .toString('latin1')
            .replaceAll(/[\r\n\0]/g, ' '),
        ],
        ['Accept', '*/*'],
        ['Content-Type', json ? 'application/json' : 'application/x-www-form-urlencoded'],
        ['Content-Length', String(bytes.length)],
      ],
      body: bytes,
      remoteAddress: '192.0.2.9',
      id: 'same',
    };
  });

/** What an attacker does to an attack that is known, and a client to a request. */
const change = fc.constantFrom<(text: string) => string>(
  (text) => text,
  (text) => text.toUpperCase(),
  (text) => text.replaceAll(' ', '  '),
  (text) => text.replaceAll(' ', '/**/'),
  (text) => text.replaceAll(' ', '\t'),
  (text) => [...text].join('\\'),
  (text) => text.replaceAll(/([a-z])([a-z])/g, "$1''$2"),
  (text) => `well (${text}) or so`,
  (text) => `9${text}$`,
  (text) => Buffer.from(text, 'latin1').toString('base64'),
);

const field = fc.tuple(
  fc.constantFrom('Content-Encoding', 'Proxy', 'X-A', 'Lock-Token', 'multipart_headers_content_types_x', 'Cookie'),
  fc.constantFrom('gzip', 'a=b', '', '/a/', 'x; charset=utf-7'),
);

const mediaType = fc.constantFrom(
  ...['application/json', 'application/json; charset=utf-7', 'text/plain', 'application/x-unheard-of', ''],
);

/** Requests of a few clients, whose header fields come again, with attacks that the tests know, changed. */
const variant = (attacks: readonly string[]): fc.Arbitrary<WafRequest> =>
  fc
    .record({
      texts: fc.array(fc.tuple(fc.constantFrom(...attacks), change), { maxLength: 2 }),
      fields: fc.uniqueArray(field, { maxLength: 2, selector: ([name]) => name }),
      type: mediaType,
      method: fc.constantFrom('GET', 'POST', 'PUT'),
    })
    .map(({ texts, fields, type, method }): WafRequest => {
      const body = Buffer.from(JSON.stringify({ note: texts.map(([text, by]) => by(text)) }), 'latin1');
      const [first] = texts;
      return {
        method,
        uri: `/orders?q=${first === undefined ? 'calm' : encodeURIComponent(first[1](first[0]))}`,
        protocol: 'HTTP/1.1',
        headers: [
          ['Host', 'shop.example'],
          ['Accept', '*/*'],
          ...fields,
          ...(type === '' ? [] : [['Content-Type', type] as const]),
          ['Content-Length', String(body.length)],
        ],
        body: method === 'GET' ? toBody('') : body,
        remoteAddress: '192.0.2.9',
        id: 'same',
      };
    });

const attacksIn = (tests: readonly Test[]): string[] =>
  tests
    .flatMap(({ stages }) => stages.map(({ input }) => input.data ?? input.uri ?? ''))
    .filter((text, index) => index % 7 === 0 && text !== '' && text.length < 300);

const calm = (at: number): WafRequest => ({
  method: 'GET',
  uri: `/orders/${at}`,
  protocol: 'HTTP/1.1',
  headers: [
    ['Host', 'shop.example'],
    ['User-Agent', 'test'],
    ['Accept', '*/*'],
  ],
  body: toBody(''),
  remoteAddress: '127.0.0.1',
  id: 'calm',
});

/** Every so many tests, so that the slow way ends; which ones, the level decides. */
function some(tests: readonly Test[], paranoia: number): WafRequest[] {
  const inputs = tests.flatMap(({ stages }) => stages.map(({ input }) => input));
  return inputs.filter((_input, index) => index % 12 === paranoia).map(requestOf);
}

describe.skipIf(!present)('short and long ways through the Core Rule Set', () => {
  for (const paranoia of [1, 2, 3, 4]) {
    it(`agree at paranoia ${paranoia}`, () => {
      const both = ways(paranoia);
      const random = fc.sample(anyRequest, { numRuns: 80, seed: paranoia });
      const requests = [calm(1), ...some(loadTests(), paranoia), calm(2), ...random, ...random, calm(3)];
      expect(differences(both, requests).slice(0, 3)).toEqual([]);
    }, 300_000);
  }
});

describe.skipIf(!present)('what is remembered from request to request', () => {
  it('changes nothing', () => {
    const requests = fc.sample(variant(attacksIn(loadTests())), { numRuns: 90, seed: 2 });
    expect(differences(ways(2), [...requests, ...requests.toReversed()]).slice(0, 3)).toEqual([]);
  }, 300_000);
});

describe.skipIf(!existsSync(olderRules))('short and long ways through version 3 of the Core Rule Set', () => {
  it('agree', () => {
    const read = (ending: string): { name: string; text: string }[] =>
      readdirSync(olderRules)
        .filter((name) => name.endsWith(ending))
        .sort()
        .map((name) => ({ name, text: readFileSync(join(olderRules, name), 'utf8') }));
    const setup = 'SecAction "id:900990,phase:1,nolog,pass,setvar:tx.crs_setup_version=330"';
    const rules = {
      name: 'crs',
      files: [{ name: 'setup.conf', text: setup }, ...read('.conf')],
      data: Object.fromEntries(read('.data').map(({ name, text }) => [name, text])),
    };
    const attacks = present ? attacksIn(loadTests()) : ["' or 1=1--", '<script>alert(1)</script>'];
    const route = (exhaustive: boolean): RouteWaf =>
      compileWaf({ ruleSets: [rules] }, new ManualClock(), { ...defaultWafOptions, exhaustive }).route({
        mode: 'detect',
        paranoia: 2,
      });
    const requests = [
      ...fc.sample(anyRequest, { numRuns: 60, seed: 3 }),
      ...fc.sample(variant(attacks), { numRuns: 90, seed: 3 }),
    ];
    const both = { short: route(false), long: route(true) };
    expect(differences(both, [...requests, ...requests]).slice(0, 3)).toEqual([]);
  }, 300_000);
});

describe('short and long ways through the built-in rules', () => {
  it('agree', () => {
    const route = (exhaustive: boolean, paranoia: number): RouteWaf =>
      compileWaf({}, new ManualClock(), { ...defaultWafOptions, exhaustive }).route({ mode: 'detect', paranoia });
    for (const paranoia of [1, 2]) {
      const both = { short: route(false, paranoia), long: route(true, paranoia) };
      expect(differences(both, fc.sample(anyRequest, { numRuns: 300, seed: 5 })).slice(0, 3)).toEqual([]);
    }
  }, 120_000);
});
