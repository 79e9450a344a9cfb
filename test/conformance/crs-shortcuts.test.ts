import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileWaf, defaultWafOptions, type RouteWaf, type WafReport, type WafRequest } from '../../src/waf/index.ts';
import { ManualClock } from '../fakes/clock.ts';
import { loadRules, loadTests, present, requestOf, type Test, toBody } from './crs-suite.ts';

// What the engine foresees, surveys and remembers must change nothing: the same requests, once the short way and once
// with every rule tried on every value, give the same rules in the same order and the same scores.

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
