import { createHash } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { type GatewayParts, startTestGateway, type TestGateway } from '../../test/fakes/gateway.ts';
import type { GatewayRoute } from '../api/snapshot.ts';
import { documentOf } from '../openapi/document.suite.ts';

const running: TestGateway[] = [];

afterEach(async () => {
  for (const gateway of running.splice(0)) await gateway.stop();
});

async function start(parts: GatewayParts): Promise<TestGateway> {
  const gateway = await startTestGateway(parts);
  running.push(gateway);
  return gateway;
}

const mask = { fields: ['iban'], declared: true, unless: [], keepLast: 0 };
const text = JSON.stringify({ name: 'Ann', iban: 'DE02120300000000202051', amount: 12.5 });

/** A service that answers `body`. */
const answering =
  (body: string | Buffer, headers: Record<string, string> = {}, status = 200): RequestListener =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
  };

const withMask = (respond: RequestListener, more: GatewayParts = {}): GatewayParts => ({
  ...more,
  respond,
  route: { mask, ...more.route },
});

describe('a masked field', () => {
  test('does not reach the caller, and the length is that of what does', async () => {
    const gateway = await start(withMask(answering(text, { etag: '"1"', 'content-length': String(text.length) })));
    const { status, headers, body } = await gateway.call('/');
    expect([status, body]).toEqual([200, '{"name":"Ann","iban":"***","amount":12.5}']);
    expect(headers['content-length']).toBe(String(body.length));
    expect(headers.etag).toBeUndefined();
    expect(headers['merlon-decision']).toBeDefined();
    await expect.poll(() => gateway.decisions).toMatchObject([{ verdict: 'allow', status: 200 }]);
  });

  test('does without the mask, and with the protection off', async () => {
    const plain = await start({ respond: answering(text) });
    expect((await plain.call('/')).body).toBe(text);
    const off = await start(withMask(answering(text), { weaknesses: new Set(['response.mask'] as const) }));
    expect((await off.call('/')).body).toBe(text);
  });

  test('is seen by the roles that may, and by nobody else', async () => {
    const key = `mk_abcdefghijkl_${'s'.repeat(43)}`;
    const apiKey = (roles: string[]) => ({
      id: 'abcdefghijkl',
      secrets: [{ hash: createHash('sha256').update(key).digest('base64url'), expiresAtMs: Date.now() + 60_000 }],
      principal: { kind: 'client' as const, id: 'job', roles, scopes: [] },
    });
    for (const [roles, seen] of [
      [['auditor'], true],
      [['clerk'], false],
    ] as const) {
      const authn = { realm: 't', issuers: [], apiKeys: [apiKey([...roles])], revokedTokens: [], revokedSubjects: [] };
      const route: Partial<GatewayRoute> = { auth: 'required', mask: { ...mask, unless: ['auditor'] } };
      const gateway = await start({ respond: answering(text), route, snapshot: { authn } });
      const { body } = await gateway.call('/', { headers: { 'x-api-key': key } });
      expect(body.includes('DE02')).toBe(seen);
    }
  });

  test.each([
    ['gzip', gzipSync(text)],
    ['br', brotliCompressSync(text)],
    ['zstd', zstdCompressSync(text)],
  ])('is found in what is compressed all the same with %s', async (coding, body) => {
    const gateway = await start(withMask(answering(body, { 'content-encoding': coding })));
    const answer = await gateway.call('/', { headers: { 'accept-encoding': coding } });
    expect(answer.body).toContain('"iban":"***"');
    expect(answer.headers['content-encoding']).toBeUndefined();
    expect(gateway.seen[0]?.headers['accept-encoding']).toBe('identity');
  });

  test('is found in an answer in chunks, and to a request with a body', async () => {
    const gateway = await start(
      withMask((_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        for (const piece of ['{"ib', 'an":"DE', '02"}']) response.write(piece);
        response.end();
      }),
    );
    const { body } = await gateway.call('/', {
      method: 'POST',
      body: 'hello',
      headers: { 'transfer-encoding': 'chunked' },
    });
    expect(body).toBe('{"iban":"***"}');
    expect(gateway.seen[0]?.body).toBe('hello');
  });

  test('is not given in parts', async () => {
    const gateway = await start(
      withMask(answering('"DE02120300000000202051"', { 'content-range': 'bytes 20-43/60' }, 206)),
    );
    const { status, body } = await gateway.call('/', { headers: { range: 'bytes=20-43' } });
    expect([status, body.includes('DE02')]).toEqual([502, false]);
    expect(gateway.seen[0]?.headers.range).toBeUndefined();
  });
});

describe('an answer that cannot be read does not pass', () => {
  test.each<[string, string | Buffer, Record<string, string>, number, number]>([
    ['text', text, { 'content-type': 'text/plain' }, 200, 502],
    ['HTML', `<p>${text}</p>`, { 'content-type': 'text/html' }, 200, 502],
    ['broken JSON', text.slice(0, -1), {}, 200, 502],
    [
      'JSON in another charset',
      Buffer.from(text, 'utf16le'),
      { 'content-type': 'application/json; charset=utf-16' },
      200,
      502,
    ],
    ['bytes that are no UTF-8', Buffer.concat([Buffer.from(text), Buffer.from([0xff])]), {}, 200, 502],
    ['an unknown coding', text, { 'content-encoding': 'rot13' }, 200, 502],
    ['two codings', gzipSync(gzipSync(text)), { 'content-encoding': 'gzip, gzip' }, 200, 502],
    ['a bomb', gzipSync(Buffer.alloc(20 * 1024 * 1024, 0x20)), { 'content-encoding': 'gzip' }, 200, 502],
    ['a stream of events', `data: ${text}\n\n`, { 'content-type': 'text/event-stream' }, 200, 502],
    ['more prose than is looked into', Buffer.alloc(9 * 1024 * 1024, 0x20), { 'content-type': 'text/plain' }, 200, 502],
    ['an error in prose', text, { 'content-type': 'text/plain' }, 404, 404],
  ])('%s', async (_, body, headers, status, expected) => {
    const gateway = await start(withMask(answering(body, headers, status)));
    const answer = await gateway.call('/');
    expect([answer.status, answer.body.includes('DE02')]).toEqual([expected, false]);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    await expect
      .poll(() => gateway.decisions)
      .toMatchObject([{ reason: { code: /gateway\.(unreadable-response|response-too-large)/ } }]);
  });

  test('an answer that breaks off, an endless one, and no answer', async () => {
    const broken = await start(
      withMask((_, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '500' }).write(text);
        setTimeout(() => response.destroy(), 20);
      }),
    );
    expect(await broken.call('/')).toMatchObject({ status: 502 });
    let closed = false;
    const endless = await start(
      withMask((_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        const timer = setInterval(() => response.write(`data: ${text}\n\n`), 5);
        response.on('close', () => {
          clearInterval(timer);
          closed = true;
        });
      }),
    );
    expect((await endless.call('/')).status).toBe(502);
    await expect.poll(() => closed).toBe(true);
    const none = await start(withMask((_, response) => void response.destroy()));
    expect((await none.call('/')).status).toBe(502);
    for (const gateway of [broken, endless, none]) await expect.poll(() => gateway.decisions.length).toBe(1);
  });
});

test('what has no content passes as it is', async () => {
  for (const status of [204, 304]) {
    const gateway = await start(withMask((_, response) => void response.writeHead(status).end()));
    expect((await gateway.call('/')).status).toBe(status);
  }
  const gateway = await start(withMask(answering(text)));
  const { status, headers, body } = await gateway.call('/', { method: 'HEAD' });
  expect([status, body, headers['content-length']]).toEqual([200, '', undefined]);
});

describe('answers against the document', () => {
  const document = documentOf(`
paths:
  /a:
    get: { responses: { '200': { description: ok, content: { application/json: { schema: { type: object, properties: { id: { type: integer } } } } } } } }
    post:
      requestBody: { content: { application/json: { schema: { type: object, properties: { n: { type: integer } } } } } }
      responses: { '200': { description: ok, content: { application/json: { schema: { type: object, properties: { id: { type: integer } } } } } } }
`);
  const validate = (responses: 'report' | 'block' | 'off'): Partial<GatewayRoute> => ({
    validate: { requests: 'block', unknownFields: 'refuse', undeclared: 'refuse', responses },
  });
  const leak = answering('{"id":1,"passwordHash":"x"}');

  test('a field that nobody declared is kept back, reported, or passes where nothing is checked', async () => {
    const block = await start({ document, respond: leak, route: validate('block') });
    expect(await block.call('/a')).toMatchObject({ status: 502, body: expect.not.stringContaining('passwordHash') });
    expect(block.decisions).toMatchObject([{ verdict: 'error', reason: { code: 'openapi.unknown-field' } }]);
    const report = await start({ document, respond: leak, route: validate('report') });
    expect(await report.call('/a')).toMatchObject({ status: 200, body: expect.stringContaining('passwordHash') });
    await expect.poll(() => report.decisions).toMatchObject([{ verdict: 'allow' }]);
    expect(report.decisions[0]?.steps).toContainEqual({ filter: 'openapi', outcome: 'report' });
    const off = await start({ document, respond: leak, route: validate('off') });
    expect((await off.call('/a')).status).toBe(200);
  });

  test('what is as declared passes, also compressed, and with a body in chunks', async () => {
    const fine = answering(gzipSync('{"id":1}'), { 'content-encoding': 'gzip' });
    const gateway = await start({ document, respond: fine, route: validate('block') });
    expect((await gateway.call('/a')).body).toBe('{"id":1}');
    const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' };
    expect((await gateway.call('/a', { method: 'POST', body: '{"n":1}', headers })).body).toBe('{"id":1}');
    expect(gateway.seen[1]).toMatchObject({ body: '{"n":1}' });
  });

  test('a report holds nothing back: what is too large or a stream goes through', async () => {
    const large = answering(`[${' '.repeat(9 * 1024 * 1024)}]`);
    const gateway = await start({ document, respond: large, route: validate('report') });
    const { status, body } = await gateway.call('/a');
    expect([status, body.length]).toEqual([200, 9 * 1024 * 1024 + 2]);
    await expect.poll(() => gateway.decisions).toMatchObject([{ verdict: 'allow', status: 200 }]);
    const events = await start({
      document,
      respond: answering('data: 1\n\n', { 'content-type': 'text/event-stream' }),
      route: validate('report'),
    });
    expect(await events.call('/a')).toMatchObject({ status: 200, body: 'data: 1\n\n' });
  });
});

describe('an answer larger than what is held back', () => {
  const row = { name: 'Ann', iban: 'DE02120300000000202051', note: 'x'.repeat(950) };
  const hidden = JSON.stringify({ ...row, iban: '***' });
  const rows = 10_000;
  const list = `[${Array.from({ length: rows }, () => JSON.stringify(row)).join(',')}]`;
  const maskedList = `[${Array.from({ length: rows }, () => hidden).join(',')}]`;

  test.each([
    ['of a length that is told', { 'content-length': String(list.length) }],
    ['of a length that shows', {}],
  ])('%s is masked as it goes through', async (_, headers) => {
    const tags = { etag: '"1"', server: 'teapot', ...headers } as Record<string, string>;
    const gateway = await start(withMask(answering(list, tags)));
    const answer = await gateway.call('/');
    expect(answer.status).toBe(200);
    expect(answer.body === maskedList).toBe(true);
    expect([answer.headers.etag, answer.headers.server]).toEqual([undefined, undefined]);
    expect(answer.headers['content-length']).toBeUndefined();
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    await expect.poll(() => gateway.decisions).toMatchObject([{ verdict: 'allow', status: 200 }]);
    const off = await start(withMask(answering(list), { weaknesses: new Set(['response.mask'] as const) }));
    expect((await off.call('/')).body === list).toBe(true);
  });

  test('of JSON lines is, too', async () => {
    const lines = `${Array.from({ length: rows }, () => JSON.stringify(row)).join('\n')}\n`;
    const gateway = await start(withMask(answering(lines, { 'content-type': 'application/x-ndjson' })));
    expect((await gateway.call('/')).body === `${Array.from({ length: rows }, () => hidden).join('\n')}\n`).toBe(true);
  });

  test.each([
    ['ends too early', Buffer.from(list.slice(0, -20))],
    ['holds nothing', Buffer.alloc(9 * 1024 * 1024, 0x20)],
    ['is no JSON in the middle', Buffer.from(list.replace('"note"', 'note'))],
    ['is no UTF-8 at its end', Buffer.concat([Buffer.from(list.slice(0, -2)), Buffer.from([0xff, 0x7d, 0x5d])])],
  ])('that %s is broken off there, and the record says so', async (_, body) => {
    const gateway = await start(withMask(answering(body)));
    await expect(gateway.call('/')).rejects.toThrow();
    await expect
      .poll(() => gateway.decisions)
      .toMatchObject([{ verdict: 'error', reason: { code: 'gateway.unreadable-response' } }]);
  });

  test('is asked for by HEAD without harm', async () => {
    const gateway = await start(
      withMask(
        (_, response) =>
          void response.writeHead(200, { 'content-type': 'application/json', 'content-length': list.length }).end(),
      ),
    );
    expect((await gateway.call('/', { method: 'HEAD' })).status).toBe(200);
  });

  test('is a 502 where it is no JSON, or compressed', async () => {
    const html = await start(withMask(answering(list, { 'content-type': 'text/html' })));
    expect((await html.call('/')).status).toBe(502);
    const coded = await start(withMask(answering(list, { 'content-encoding': 'br' })));
    expect((await coded.call('/')).status).toBe(502);
  });
});

test('an answer that is too large to be validated and is only reported keeps the fields that every answer has', async () => {
  const document = documentOf(`
paths:
  /: { get: { responses: { '200': { description: ok, content: { application/json: { schema: { type: string } } } } } } }
`);
  const large = JSON.stringify('x'.repeat(9_000_000));
  const gateway = await start({
    respond: answering(large, { server: 'teapot', 'merlon-subject': 'x' }),
    document,
    route: { validate: { requests: 'block', unknownFields: 'refuse', undeclared: 'refuse', responses: 'report' } },
  });
  const { status, headers, body } = await gateway.call('/');
  expect([status, body.length]).toEqual([200, large.length]);
  expect([headers.server, headers['merlon-subject']]).toEqual([undefined, undefined]);
  expect(headers['merlon-decision']).toBeDefined();
});
