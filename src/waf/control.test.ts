import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import type { WafExclusion } from '../api/waf.ts';
import { attackCorpus, type HarmlessRequest, proposeExclusions, readRequests, toWafRequest } from './control.ts';
import { compileWaf } from './index.ts';
import { requestWith } from './probe.ts';

describe('requests from a file', () => {
  test('as they stand on the wire, parted by ###', () => {
    const text =
      'GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n### second\nPOST /b\nContent-Type: text/plain\n\nline\n\nline\n';
    const requests = readRequests('a.http', text);
    expect(requests).toEqual([
      { name: 'a.http:1', method: 'GET', target: '/a?b=c', headers: [['Host', 'x']] },
      {
        name: 'a.http:5',
        method: 'POST',
        target: '/b',
        headers: [['Content-Type', 'text/plain']],
        body: 'line\n\nline',
      },
    ]);
    const [, second] = requests.map(toWafRequest);
    expect(second?.headers).toContainEqual(['Content-Length', '10']);
    expect(() => readRequests('a.http', 'what?')).toThrow(expect.objectContaining({ code: 'waf.bad-request-file' }));
  });

  test('forms whose lines end in LF alone in the file', () => {
    const text =
      'POST /b\nContent-Type: multipart/form-data; boundary=b\n\n--b\nContent-Disposition: form-data; name="q"\n\ntea\n--b--\n';
    const [request] = readRequests('a.http', text).map(toWafRequest);
    expect(compileWaf({}, new ManualClock()).route({ mode: 'block' }).inspect(request!)).toBeUndefined();
  });

  test('of an HTTP archive, without pseudo-header fields', () => {
    const request = {
      method: 'POST',
      url: 'https://shop.example/a?b=c',
      headers: [
        { name: ':method', value: 'POST' },
        { name: 'Content-Type', value: 'application/json' },
      ],
      postData: { text: '{}' },
    };
    const [one] = readRequests('a.har', JSON.stringify({ log: { entries: [{ request }] } }));
    expect(one).toMatchObject({ name: 'a.har#1', method: 'POST', headers: [['Content-Type', 'application/json']] });
    expect(toWafRequest(one as NonNullable<typeof one>)).toMatchObject({
      uri: '/a?b=c',
      headers: expect.arrayContaining([['Host', 'shop.example']]),
    });
    expect(() => readRequests('a.har', '{}')).toThrow(expect.objectContaining({ code: 'waf.bad-request-file' }));
  });

  test('of YAML: a plain list, and the form of tests of rules', () => {
    const list = '- { method: POST, uri: /a, headers: { X-A: 1 }, body: { note: tea } }\n- { url: /b }\n';
    expect(readRequests('a.yaml', list)).toEqual([
      { name: 'a.yaml#1', method: 'POST', target: '/a', headers: [['X-A', '1']], body: '{"note":"tea"}' },
      { name: 'a.yaml#2', method: 'GET', target: '/b', headers: [] },
    ]);
    const tests =
      'tests:\n- test_id: 7\n  stages:\n  - input: { method: GET, uri: /c }\n  - stage: { input: { uri: /d } }\n';
    expect(readRequests('a.yml', tests).map(({ name, target }) => [name, target])).toEqual([
      ['test 7', '/c'],
      ['test 7', '/d'],
    ]);
  });
});

describe('tuning', () => {
  // The second rule is wrong about a word that no attack needs; the first is not to be given up.
  const text = `
SecRule ARGS "@detectSQLi" "id:1,phase:2,deny,log,msg:'SQL',severity:'CRITICAL'"
SecRule ARGS "@contains teapot" "id:2,phase:2,deny,log,msg:'Teapot',severity:'CRITICAL'"`;
  const waf = compileWaf({ ruleSets: [{ name: 't', files: [{ name: 't.conf', text }], data: {} }] }, new ManualClock());
  const attacks = ["1' or '1'='1", '-1 union select 1,password from users--'];
  const hit = (rule: string, variable: string | undefined): HarmlessRequest => ({
    route: '/a',
    score: 0,
    threshold: 0,
    alarms: [{ rule, message: 'm', severity: 'CRITICAL', variable, value: 'xx' }],
  });
  const compile = (_: string, exclusions: readonly WafExclusion[]) => waf.route({ exclusions });
  const propose = (...requests: HarmlessRequest[]) => proposeExclusions(requests, { attacks, compile });

  test('proposes rule, field and route, the most frequent first', () => {
    const { proposals, rejected } = propose(
      hit('2', 'ARGS:q'),
      hit('2', 'ARGS:json.items.0.note'),
      hit('2', 'ARGS:json.items.7.note'),
    );
    expect(rejected).toEqual([]);
    expect(proposals.map(({ rule, field, requests }) => [rule, field, requests])).toEqual([
      ['2', 'body.items.*.note', 2],
      ['2', 'query.q', 1],
    ]);
  });

  test('tells what a rule guards alone, and what others make up for', () => {
    const { proposals } = propose(hit('1', 'ARGS:json.note'), hit('2', 'ARGS:json.note'));
    expect(proposals.map(({ rule, opens, guarded }) => [rule, opens, guarded])).toEqual([
      ['1', attacks, 2],
      ['2', [], 0],
    ]);
  });

  test('tells of what two exclusions open together, though neither does by itself', () => {
    const twice = `
SecRule ARGS "@detectSQLi" "id:1,phase:2,deny,log,msg:'SQL',severity:'CRITICAL'"
SecRule ARGS "@contains '" "id:3,phase:2,deny,log,msg:'Quote',severity:'CRITICAL'"`;
    const both = compileWaf(
      { ruleSets: [{ name: 't', files: [{ name: 't.conf', text: twice }], data: {} }] },
      new ManualClock(),
    );
    const [quoted = ''] = attacks;
    const { proposals } = proposeExclusions([hit('1', 'ARGS:q'), hit('3', 'ARGS:q')], {
      attacks: [quoted],
      compile: (_, exclusions) => both.route({ exclusions }),
    });
    expect(proposals.map(({ opens }) => opens)).toEqual([[], [quoted]]);
  });

  test('excludes no more than a request needs, and of rules that make up for each other the one that opens least', () => {
    const request = {
      route: '/a',
      score: 5,
      threshold: 5,
      alarms: ['1', '2'].map((rule) => ({
        rule,
        message: 'm',
        severity: rule === '1' ? 'CRITICAL' : 'NOTICE',
        variable: 'ARGS:q',
        value: 'xx',
      })),
    };
    expect(propose(request).proposals.map(({ rule }) => rule)).toEqual(['2']);
    expect(propose({ ...request, score: 4 }).proposals).toEqual([]);
    expect(
      propose({ ...request, score: 9 })
        .proposals.map(({ rule }) => rule)
        .sort(),
    ).toEqual(['1', '2']);
    const picky = {
      ...request,
      passes: (exclusions: readonly WafExclusion[]) => exclusions.some((each) => each.rules === '1'),
    };
    expect(propose(picky).proposals.map(({ rule }) => rule)).toEqual(['1']);
  });

  test('does not propose to exclude a rule everywhere', () => {
    expect(propose(hit('2', undefined))).toMatchObject({ proposals: [], rejected: [{ rule: '2' }] });
  });

  test('what it proposes does what it is for, and nothing else', () => {
    const json = (body: string, path = '/') =>
      toWafRequest({ name: 'x', method: 'POST', target: path, headers: [['Content-Type', 'application/json']], body });
    const harmless = json('{"note":"a teapot"}');
    expect(waf.route({}).inspect(harmless)?.status).toBe(403);
    const tuned = waf.route({ exclusions: [{ rules: '2', targets: 'ARGS:json.note' }] });
    expect(tuned.inspect(harmless)).toBeUndefined();
    expect(tuned.inspect(json('{"other":"a teapot"}'))?.status).toBe(403);
    expect(tuned.inspect(json(`{"note":${JSON.stringify(attacks[0])}}`))?.status).toBe(403);
  });

  test('has a corpus of attacks, all of which the built-in rules refuse in a query', () => {
    const corpus = attackCorpus();
    expect(corpus.length).toBeGreaterThan(60);
    const route = compileWaf({}, new ManualClock()).route({ paranoia: 2 });
    expect(corpus.filter((attack) => route.inspect(requestWith('query.q', attack)) === undefined)).toEqual([]);
  });
});

test('a list of rules has ids, places and levels', () => {
  const rules = compileWaf({}, new ManualClock()).list();
  expect(rules.length).toBeGreaterThan(25);
  expect(rules.find(({ id }) => id === 3000)).toMatchObject({
    phase: 2,
    paranoia: 1,
    severity: 'critical',
    at: expect.stringMatching(/^builtin\/30-sqli\.conf:\d+$/),
  });
});
