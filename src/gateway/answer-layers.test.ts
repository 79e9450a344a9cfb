// A route whose answers are held against the document, masked, and read by the firewall's rules: in this order, each on what the one
// before has left.
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { type GatewayParts, startTestGateway, type TestGateway } from '../../test/fakes/gateway.ts';
import type { Protection } from '../api/protections.ts';
import type { WafSection } from '../api/waf.ts';
import { explain } from '../audit/explain.ts';
import { documentOf } from '../openapi/document.suite.ts';

let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.stop();
  gateway = undefined;
});

const document = documentOf(`
paths:
  /customers:
    get:
      responses:
        '200':
          description: ok
          content:
            application/json:
              schema: { type: object, properties: { name: { type: string }, iban: { type: string }, note: { type: string } } }
`);

const rules = [
  'SecResponseBodyAccess On',
  'SecResponseBodyMimeType application/json',
  `SecRule RESPONSE_BODY "@contains ORA-00942" "id:1,phase:4,deny,log,msg:'A database speaks',severity:'ERROR'"`,
  `SecRule RESPONSE_BODY "@contains DE0212" "id:2,phase:4,deny,log,msg:'An account',severity:'ERROR'"`,
].join('\n');

const waf: WafSection = {
  ruleSets: [{ name: 'test', files: [{ name: 'test.conf', text: rules }], data: {} }],
  digest: 'layers',
  sampling: 100,
  routes: {
    '/': { mode: 'block', exclusions: [], patches: [], responseBody: true, bodyBytes: 1000, streamsBodies: false },
  },
};

const iban = 'DE02120300000000202051';

async function answered(body: object, off: readonly Protection[] = [], parts: GatewayParts = {}) {
  const bytes = gzipSync(JSON.stringify(body));
  gateway = await startTestGateway({
    document,
    weaknesses: new Set(off),
    // It compresses whatever is asked for, so that each layer reads the text only if the one before has undone that.
    respond: (_, response) => {
      const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip', etag: '"1"' };
      response.writeHead(200, headers).end(bytes);
    },
    snapshot: { waf },
    ...parts,
    route: {
      mask: { fields: ['iban'], declared: true, unless: [], keepLast: 4 },
      validate: { requests: 'block', unknownFields: 'refuse', undeclared: 'refuse', responses: 'block' },
      ...parts.route,
    },
  });
  const answer = await gateway.call('/customers', { headers: { 'accept-encoding': 'gzip' } });
  const { decisions } = gateway;
  await expect.poll(() => decisions.length).toBe(1);
  return { ...answer, decision: decisions[0] as NonNullable<(typeof decisions)[0]> };
}

describe('an answer that is checked, masked and read', () => {
  test('passes with its masked fields hidden, once, with the length of what is sent', async () => {
    const { status, headers, body, decision } = await answered({ name: 'Ann', iban, note: 'fine' });
    expect([status, body]).toEqual([200, '{"name":"Ann","iban":"***2051","note":"fine"}']);
    expect(headers['content-length']).toBe(String(body.length));
    expect([headers['content-encoding'], headers.etag]).toEqual([undefined, undefined]);
    expect(gateway?.seen.length).toBe(1);
    expect(decision).toMatchObject({ verdict: 'allow', status: 200 });
    expect(decision.reason).toBeUndefined();
  });

  test('is masked before rules read it: they see what the caller would', async () => {
    // Without the mask the second rule fires.
    const { status, decision } = await answered({ name: 'Ann', iban }, ['response.mask']);
    expect([status, decision.reason?.rule]).toEqual([502, '2']);
    expect(JSON.stringify(decision)).not.toContain(iban);
  });

  test('is read by rules after it was found to be as declared', async () => {
    const leak = { name: 'Ann', note: 'ORA-00942: table or view does not exist' };
    const { status, body, decision } = await answered(leak);
    expect([status, JSON.parse(body).code, body.includes('ORA-')]).toEqual([502, 'waf.response-denied', false]);
    expect(decision).toMatchObject({ verdict: 'error', status: 502, reason: { filter: 'waf', rule: '1' } });
    expect(JSON.stringify(explain(decision))).toMatch(/waf\.response-denied/);
    await gateway?.stop();
    expect((await answered(leak, ['waf'])).body).toContain('ORA-00942');
  });

  test('is held against the document first: what nobody declared reaches neither mask nor rules', async () => {
    const { status, body, decision } = await answered({ name: 'Ann', iban, hash: 'ORA-00942' });
    expect([status, body.includes('hash'), body.includes(iban)]).toEqual([502, false, false]);
    expect(decision).toMatchObject({ verdict: 'error', reason: { code: 'openapi.unknown-field' } });
    expect(decision.waf).toBeUndefined();
    expect(JSON.stringify(explain(decision))).toMatch(/openapi\.unknown-field/);
    await gateway?.stop();
    const unchecked = await answered({ name: 'Ann', hash: 'x' }, [], {
      route: { validate: { requests: 'block', unknownFields: 'refuse', undeclared: 'refuse', responses: 'off' } },
    });
    expect(unchecked.body).toBe('{"name":"Ann","hash":"x"}');
  });

  test('of which one layer only reports is told of by that layer, and withheld by the next', async () => {
    const { status, decision } = await answered({ name: 'Ann', hash: 'ORA-00942' }, [], {
      route: { validate: { requests: 'block', unknownFields: 'refuse', undeclared: 'refuse', responses: 'report' } },
    });
    expect(status).toBe(502);
    expect(decision.reason).toMatchObject({ filter: 'waf', rule: '1' });
    expect(decision.steps).toContainEqual({ filter: 'openapi', outcome: 'report' });
  });

  test('in a type that only the caller asked for does not reach it, unless answers are not checked', async () => {
    const page = '<p>ORA-00942</p>';
    const ask = async (responses: 'block' | 'off'): Promise<readonly [number, boolean, string | undefined]> => {
      gateway = await startTestGateway({
        document,
        respond: ({ headers }, response) => {
          const isPage = headers.accept === 'text/html';
          response.writeHead(200, { 'content-type': isPage ? 'text/html' : 'application/json' });
          response.end(isPage ? page : '{"name":"Ann"}');
        },
        route: { validate: { requests: 'block', unknownFields: 'refuse', undeclared: 'refuse', responses } },
      });
      expect((await gateway.call('/customers', { headers: { accept: 'text/xml' } })).body).toBe('{"name":"Ann"}');
      const { status, body } = await gateway.call('/customers', { headers: { accept: 'text/html' } });
      await expect.poll(() => gateway?.decisions.length).toBe(2);
      const code = gateway.decisions[1]?.reason?.code;
      await gateway.stop();
      return [status, body.includes(page), code];
    };
    expect(await ask('block')).toEqual([502, false, 'openapi.undeclared-content']);
    expect(await ask('off')).toEqual([200, true, undefined]);
  });
});
