import { once } from 'node:events';
import { connect } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { type GatewayParts, startTestGateway, type TestGateway } from '../../test/fakes/gateway.ts';
import type { OpenApiDocument } from '../api/openapi.ts';
import type { GatewayRouteWaf, WafSection } from '../api/waf.ts';
import { compileWafSection } from './compile-waf.ts';

let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.stop();
  gateway = undefined;
});

const blocking: GatewayRouteWaf = {
  mode: 'block',
  exclusions: [],
  patches: [],
  responseBody: false,
  bodyBytes: 1000,
  streamsBodies: false,
};

function section(route: Partial<GatewayRouteWaf> = {}, more: Partial<WafSection> = {}): WafSection {
  return { ruleSets: [], digest: 'builtin', sampling: 100, routes: { '/': { ...blocking, ...route } }, ...more };
}

async function start(route: Partial<GatewayRouteWaf> = {}, parts: GatewayParts = {}, more: Partial<WafSection> = {}) {
  gateway = await startTestGateway({ ...parts, snapshot: { waf: section(route, more), ...parts.snapshot } });
  return gateway;
}

const rules = (text: string): Partial<WafSection> => ({
  ruleSets: [{ name: 'test', files: [{ name: 'test.conf', text }], data: {} }],
  digest: text,
});

const injection = `/search?q=${encodeURIComponent("1' OR '1'='1' --")}`;
const json = (value: unknown) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
});

describe('a request', () => {
  test('that looks like an attack is refused; the caller learns nothing of the rule, the record has it all', async () => {
    const { call, decisions, seen } = await start();
    const { status, body } = await call(injection);
    expect(status).toBe(403);
    expect(JSON.parse(body)).toMatchObject({
      code: 'waf.denied',
      detail: expect.stringMatching(/looks like an attack/),
    });
    expect(body).not.toMatch(/3000|ARGS|sql/i);
    expect(seen).toEqual([]);
    const [decision] = decisions;
    expect(decision).toMatchObject({
      verdict: 'deny',
      reason: {
        filter: 'waf',
        code: 'waf.denied',
        rule: '3000',
        claim: 'ARGS:q',
        expected: 'a score below 5',
        fixes: [
          'add `{ rules: 3000, fields: [query.q] }` to the `waf.exclusions` of this route, if it is meant to look so',
        ],
      },
      waf: {
        score: 5,
        threshold: 5,
        matches: [{ rule: '3000', variable: 'ARGS:q' }, { rule: '3003', variable: 'ARGS:q' }, { rule: '9001' }],
      },
    });
    expect(decision?.steps.find(({ filter }) => filter === 'waf')?.outcome).toBe('deny');
    expect(JSON.stringify(decision)).not.toContain('OR');
  });

  test.each([
    ['without a section', { snapshot: { waf: undefined } }],
    ['with the protection off', { weaknesses: new Set(['waf' as const]) }],
  ])('gets through %s, and the route has no such filter', async (_, parts) => {
    const { call, decisions } = await start({}, parts);
    expect((await call(injection)).status).toBe(200);
    expect(decisions[0]?.steps.find(({ filter }) => filter === 'waf')?.outcome).toBe('skip');
  });

  test('is looked at whole, its body included', async () => {
    const { call } = await start();
    expect((await call('/', json({ note: 'a plain note' }))).status).toBe(200);
    expect((await call('/', json({ deep: [{ note: '<script>alert(1)</script>' }] }))).status).toBe(403);
    expect((await call('/', json('{not json'))).status).toBe(200);
    expect((await call('/', { ...json({}), body: '{"a":' })).status).toBe(400);
  });

  test('is not read as one thing here and as another there: compressed, or in a charset of other bytes', async () => {
    const attack = Buffer.from("id=1' OR '1'='1' --");
    // EBCDIC: what IIS and Tomcat read where the caller says so, and no rule does.
    const ebcdic = Buffer.from('8984 7ef1 7d40 d6d9 407d f17d 7e7d f17d 4060 60'.replaceAll(' ', ''), 'hex');
    const form = 'application/x-www-form-urlencoded';
    const cases: [Record<string, string>, Buffer][] = [
      [{ 'content-type': form, 'content-encoding': 'gzip' }, gzipSync(attack)],
      [{ 'content-type': form, 'content-encoding': 'identity, deflate' }, deflateSync(attack)],
      [{ 'content-type': 'text/plain', 'content-encoding': 'br' }, brotliCompressSync(attack)],
      [{ 'content-type': `${form}; charset=ibm037` }, ebcdic],
      [{ 'content-type': 'text/plain; charset=utf-8; CHARSET = "utf-7"' }, Buffer.from('+ADw-script+AD4-')],
    ];
    for (const [headers, body] of cases) {
      const { call, seen } = await start();
      const answer = await call('/', { method: 'POST', headers, body: body as unknown as string });
      expect([headers, answer.status, JSON.parse(answer.body).code]).toEqual([
        headers,
        415,
        'gateway.unreadable-request',
      ]);
      expect(seen).toEqual([]);
      await gateway?.stop();
      // Rules that only watch see the bytes, and nothing in them: what would have gone through.
      const watching = await start({ mode: 'detect' });
      expect((await watching.call('/', { method: 'POST', headers, body: body as unknown as string })).status).toBe(200);
      await gateway?.stop();
    }
    const { call } = await start();
    for (const type of [`${form}; charset=UTF-8`, 'text/plain; charset="iso-8859-1"'])
      expect((await call('/', { method: 'POST', headers: { 'content-type': type }, body: 'a=b' })).status).toBe(200);
    const plain = { 'content-type': form, 'content-encoding': 'identity' };
    expect((await call('/', { method: 'POST', headers: plain, body: attack.toString() })).status).toBe(403);
  });

  test('is forwarded with the body that the rules have read', async () => {
    const { call, seen } = await start();
    await call('/', json({ note: 'tea' }));
    expect(seen[0]?.body).toBe('{"note":"tea"}');
  });

  test('is recorded and let pass in detect', async () => {
    const { call, decisions } = await start({ mode: 'detect' });
    expect((await call(injection)).status).toBe(200);
    expect(decisions[0]).toMatchObject({
      verdict: 'allow',
      waf: { score: 5, matches: [{ rule: '3000' }, { rule: '3003' }, { rule: '9001' }] },
    });
    expect(decisions[0]?.steps.find(({ filter }) => filter === 'waf')?.outcome).toBe('report');
  });

  test('below the threshold passes, and what matched stays in the record', async () => {
    const { call, decisions } = await start({ threshold: 100 });
    expect((await call(injection)).status).toBe(200);
    expect(decisions[0]).toMatchObject({ verdict: 'allow', waf: { score: 5, threshold: 100 } });
  });

  test('is not looked at where it is not in the sample', async () => {
    const { call } = await start({}, {}, { sampling: 0 });
    expect((await call(injection)).status).toBe(200);
  });

  test('is in the sample as often as is set, and its decision id tells whether it was', async () => {
    const { call, decisions } = await start({}, {}, { sampling: 25 });
    for (let count = 0; count < 400; count += 1) await call(injection);
    expect(decisions).toHaveLength(400);
    // The last four digits are a lot from 0 to 65,535: a quarter of it is the sample.
    for (const { id, verdict } of decisions)
      expect(verdict, id).toBe(Number.parseInt(id.slice(-4), 16) < 16_384 ? 'deny' : 'allow');
    const share = decisions.filter(({ verdict }) => verdict === 'deny').length / 400;
    expect(share).toBeGreaterThan(0.15);
    expect(share).toBeLessThan(0.35);
  });
});

describe('a body', () => {
  test('larger than rules read is refused in block, and passes unread in detect', async () => {
    const large = json({ note: 'x'.repeat(200) });
    const { call, decisions } = await start({ bodyBytes: 100 });
    expect((await call('/', large)).status).toBe(413);
    expect(decisions[0]?.reason).toMatchObject({ filter: 'waf', code: 'net.body-too-large' });
    await gateway?.stop();
    const detecting = await start({ bodyBytes: 100, mode: 'detect' });
    expect((await detecting.call('/', large)).status).toBe(200);
  });

  test('passes unread where the manifest lets it stream, and not because the caller calls it a stream', async () => {
    const attack = json({ note: '<script>alert(1)</script>' });
    const { call } = await start({ streamsBodies: true });
    expect((await call('/', attack)).status).toBe(200);
    await gateway?.stop();
    const reading = await start();
    const grpc = { ...attack, headers: { 'content-type': 'application/grpc' } };
    expect((await reading.call('/', grpc)).status).toBe(403);
  });
});

describe('exclusions and patches', () => {
  test('leave out one field, and that one only', async () => {
    const { call } = await start({ exclusions: [{ rules: '3000', targets: 'ARGS:q|ARGS_GET:q' }] });
    expect((await call(injection)).status).toBe(200);
    expect((await call(injection.replace('?q=', '?p='))).status).toBe(403);
  });

  test('a patch refuses what no rule knows, until it expires', async () => {
    const seclang = `SecRule ARGS:json.template "@contains render" "id:9900000,phase:2,deny,status:403,log,msg:'Virtual patch X',severity:'CRITICAL'"`;
    const patch = { id: 'X', seclang, owner: 'a', reason: 'b' };
    const attack = json({ template: 'render' });
    const { call, decisions } = await start({ patches: [{ ...patch, expires: '2999-01-01T00:00:00Z' }] });
    expect((await call('/', attack)).status).toBe(403);
    expect(decisions[0]?.reason).toMatchObject({ rule: '9900000', claim: 'ARGS:json.template' });
    await gateway?.stop();
    const expired = await start({ patches: [{ ...patch, expires: '2020-01-01T00:00:00Z' }] });
    expect((await expired.call('/', attack)).status).toBe(200);
  });
});

const schema = { type: 'string', enum: ["' OR 1=1 --", 'tea'] } as const;
const document: OpenApiDocument = {
  format: 1,
  title: 'echo',
  version: '1',
  basePaths: [''],
  operations: [
    {
      id: 'search',
      method: 'GET',
      template: '/search',
      parameters: [
        { name: 'kind', in: 'query', required: false, style: 'form', explode: true, schema },
        { name: 'q', in: 'query', required: false, style: 'form', explode: true, schema: { type: 'string' } },
      ],
      responses: [],
      security: [],
      credentials: [],
      deprecated: false,
      dataClasses: [],
    },
  ],
  schemas: {},
  warnings: [],
};

describe("what the API's schema has confined", () => {
  const odd = `/search?kind=${encodeURIComponent("' OR 1=1 --")}`;
  const validate = { requests: 'block', unknownFields: 'refuse', undeclared: 'refuse', responses: 'off' } as const;

  test('is not scanned where the document is enforced; free text beside it is', async () => {
    const { call } = await start(
      {},
      { route: { validate }, snapshot: { waf: section(), openapi: { echo: document } } },
    );
    expect((await call(odd)).status).toBe(200);
    expect((await call(odd.replace('kind=', 'q='))).status).toBe(403);
  });

  test('is scanned where a breach is only reported', async () => {
    const route = { validate: { ...validate, requests: 'report' as const } };
    const { call } = await start({}, { route, snapshot: { waf: section(), openapi: { echo: document } } });
    expect((await call(odd)).status).toBe(403);
  });
});

describe('a response', () => {
  const leak = rules(
    `SecResponseBodyAccess On\nSecRule RESPONSE_BODY "@contains ok" "id:1,phase:4,deny,log,msg:'Leak',severity:'ERROR'"`,
  );
  const head = rules(
    `SecResponseBodyAccess On\nSecRule RESPONSE_HEADERS:X-Debug "@contains stack" "id:1,phase:3,deny,log,msg:'Leak',severity:'ERROR'"`,
  );

  test('that rules refuse is withheld, and the record says so', async () => {
    const { call, decisions } = await start({ responseBody: true }, {}, leak);
    const { status, body } = await call('/');
    expect(status).toBe(502);
    expect(JSON.parse(body)).toMatchObject({ code: 'waf.response-denied' });
    await expect.poll(() => decisions.length).toBe(1);
    expect(decisions[0]).toMatchObject({
      status: 502,
      reason: { filter: 'waf', rule: '1' },
      waf: { matches: [{ rule: '1' }] },
    });
  });

  test('is judged by its head, too', async () => {
    const { call } = await start({ responseBody: true }, { answer: { 'x-debug': 'stack' } }, head);
    expect((await call('/')).status).toBe(502);
  });

  test('passes whole where they find nothing, and where its type is none that they read', async () => {
    const { call } = await start({ responseBody: true }, {}, rules('SecResponseBodyAccess On'));
    expect(await call('/')).toMatchObject({ status: 200, body: '{"ok":true}' });
    await gateway?.stop();
    const binary = await start({ responseBody: true }, { answer: { 'content-type': 'image/png' } }, leak);
    expect(await binary.call('/')).toMatchObject({ status: 200, body: '{"ok":true}' });
  });

  test('is reported and passes in detect', async () => {
    const { call, decisions } = await start({ responseBody: true, mode: 'detect' }, {}, leak);
    expect((await call('/')).status).toBe(200);
    await expect.poll(() => decisions.length).toBe(1);
    expect(decisions[0]?.waf?.matches[0]?.rule).toBe('1');
  });

  test('is asked for uncompressed where rules read it', async () => {
    const { call, seen } = await start({ responseBody: true }, {}, leak);
    await call('/', { headers: { 'accept-encoding': 'gzip' } });
    expect(seen[0]?.headers['accept-encoding']).toBeUndefined();
  });
});

describe('an upgrade on a route whose responses are read', () => {
  const asked =
    'GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
  const reading = rules(
    `SecResponseBodyAccess On\nSecRule RESPONSE_BODY "@contains ok" "id:1,phase:4,deny,log,msg:'Leak',severity:'ERROR'"`,
  );

  async function ask(): Promise<{ answer: string; started: TestGateway }> {
    const started = await start({ responseBody: true }, {}, reading);
    const socket = connect(started.port, '127.0.0.1');
    socket.write(asked);
    const [first] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    return { answer: first.toString(), started };
  }

  test('reaches the service, and asking for one is no way past the rules', async () => {
    const { answer, started } = await ask();
    expect(started.seen[0]?.headers.upgrade).toBe('websocket');
    // The service here does not upgrade: what it answers is an answer like any other.
    expect(answer).toMatch(/^HTTP\/1\.1 502/);
    expect(answer).not.toContain('"ok"');
    await expect.poll(() => started.decisions).toMatchObject([{ status: 502, reason: { filter: 'waf', rule: '1' } }]);
  });
});

test('rules that have not changed are not compiled again', () => {
  const clock = new ManualClock();
  const first = compileWafSection(section(), undefined, clock);
  expect(compileWafSection(section({ mode: 'detect' }), first, clock)?.engine).toBe(first?.engine);
  expect(compileWafSection(section({}, rules('SecAction "id:1,phase:1,pass"')), first, clock)?.engine).not.toBe(
    first?.engine,
  );
});
