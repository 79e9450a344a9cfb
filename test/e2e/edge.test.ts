// What the gateway does at the edge, through real processes: `merlon up`, a client on the socket, `merlon explain`.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { outputOf, type Platform, startPlatform, until } from './platform.ts';

const responder = join(import.meta.dirname, '../fakes/graphql-responder.ts');

const edit = (manifest: string): string =>
  manifest
    .replace(
      'limits: { perIp: 1200/min,',
      [
        'ipDeny: [{ file: lists/deny.txt }]',
        '  workers: 2',
        '  trustedProxies: [127.0.0.1]',
        '  scanners: { failures: 15, rate: 2/min, honeypots: [/wp-login.php], friendly: [127.0.0.1] }',
        '  limits: { perIp: 12000/min,',
      ].join('\n'),
    )
    .replace(
      'owner: { param: customerId,',
      'mask: { fields: [phone], unless: [manager] }\n    owner: { param: customerId,',
    )
    .replace(
      '\nroutes:',
      `\n  graph:\n    run: [node, ${responder}]\n\nroutes:\n  - { path: /graphql, service: graph, auth: public, graphql: { depth: 4, introspection: false } }\n  - { path: /v1/graphql, service: graph, auth: public, deprecated: { since: 2026-01-01, sunset: 2026-06-01, successor: /graphql, after: refuse } }`,
    )
    .replace('path: /api/legacy\n', 'path: /api/legacy\n    validate: { undeclared: allow }\n');

let platform: Platform;

beforeAll(async () => {
  platform = await startPlatform({
    edit,
    prepare: (folder) => {
      mkdirSync(join(folder, 'lists'));
      writeFileSync(join(folder, 'lists/deny.txt'), '# nobody yet\n203.0.113.0/24\n');
    },
  });
}, 90_000);
afterAll(() => platform?.stop());

const from = (address: string): Record<string, string> => ({ 'x-forwarded-for': address });

describe('a GraphQL endpoint', () => {
  const ask = (query: string) => platform.call('/graphql', { method: 'POST', body: { query } });

  it('answers what is within its bounds, and refuses the rest before the service sees it', async () => {
    const before = (await ask('{ a }')).json.extensions.asked as number;
    const deep = await ask('{ a { b { c { d { e } } } } }');
    expect([deep.status, deep.json.code]).toEqual([400, 'openapi.graphql-depth']);
    expect((await ask('{ __schema { types { name } } }')).json.code).toBe('openapi.graphql-introspection');
    expect((await ask('{ a }')).json.extensions.asked).toBe(before + 1);
    expect(await platform.explain(deep.decision)).toMatch(/graphql\.depth/);
  });
});

describe('a version whose time is over', () => {
  it('is gone, and says what took its place', async () => {
    const { status, json, headers } = await platform.call('/v1/graphql', { method: 'POST', body: { query: '{ a }' } });
    expect([status, json.code, headers.sunset]).toEqual([410, 'gateway.gone', 'Mon, 01 Jun 2026 00:00:00 GMT']);
    expect(headers.link).toContain('rel="successor-version"');
  });
});

describe('masked fields', () => {
  it('are seen by the role that may, and by no other', async () => {
    const profile = { name: 'Alice Ardent', address: '1 Tea Street', phone: '+44 20 7946 0000' };
    const [, claims = ''] = (await platform.token('alice')).split('.');
    const { sub } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { sub: string };
    const path = `/api/customers/${encodeURIComponent(sub)}/profile`;
    expect((await platform.call(path, { method: 'PUT', as: 'alice', body: profile })).status).toBeLessThan(300);
    const own = await platform.call(path, { as: 'alice' });
    expect(own.json).toMatchObject({ name: '***', address: '***', phone: '***' });
    expect(Number(own.headers['content-length'])).toBe(own.bytes);
    expect((await platform.call(path, { as: 'mia' })).json).toMatchObject(profile);
  });
});

describe('scanners', () => {
  /** Waits until neither worker lets `address` through: its bursts are used up, and both know of it. */
  async function isThrottled(address: string): Promise<string> {
    let refused = '';
    await until('no worker lets it through', async () => {
      const answers = await Promise.all(
        Array.from({ length: 24 }, () => platform.call('/', { headers: from(address) })),
      );
      refused = answers[0]?.decision ?? '';
      return answers.every(({ status }) => status === 429);
    });
    return refused;
  }

  it('are throttled by what they do, whichever workers they met, others are not, and explain says why', async () => {
    // Neither worker sees as many failures as it takes, unless they fall to one.
    for (let at = 0; at < 16; at++)
      await platform.call(`/api/orders/../backup-${at}.zip`, { headers: from('198.51.100.1') });
    const refused = await isThrottled('198.51.100.1');
    expect((await platform.call('/', { headers: from('198.51.100.2') })).status).toBe(200);
    expect(await platform.explain(refused)).toMatch(/requests failed/);
  });

  it('that give themselves away to one worker are known to the other', async () => {
    await platform.call('/wp-login.php', { headers: from('198.51.100.3') });
    expect(await platform.explain(await isThrottled('198.51.100.3'))).toMatch(/honeypot/);
  });
});

describe('a file of networks', () => {
  const list = (): string => join(platform.folder, 'lists/deny.txt');
  const statusFrom = async (address: string): Promise<number> =>
    (await platform.call('/', { headers: from(address) })).status;

  it('is in force, and anew when it changes; a line that is none keeps the former one', async () => {
    expect([await statusFrom('203.0.113.9'), await statusFrom('192.0.2.77')]).toEqual([403, 200]);
    writeFileSync(list(), '192.0.2.0/24\n2001:db8::/32\n');
    await until('the new list is in force', async () => (await statusFrom('192.0.2.77')) === 403);
    expect(await statusFrom('203.0.113.9')).toBe(200);
    expect(await statusFrom('2001:db8::1')).toBe(403);
    writeFileSync(list(), '203.0.113.0/24\n10.0.0.1/8\n');
    const { code, stderr, stdout } = await platform.merlon('validate');
    expect(code).not.toBe(0);
    expect(stderr + stdout).toContain('lists/deny.txt:2: `10.0.0.1/8` is not a network or address');
    await until('the bad list was refused', () => platform.output().includes('the former one stays in force'));
    expect([await statusFrom('192.0.2.77'), await statusFrom('203.0.113.9')]).toEqual([403, 200]);
  });

  it('may hold 100,000 networks', async () => {
    const lines = Array.from({ length: 100_000 }, (_, at) => `100.${64 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}`);
    writeFileSync(list(), `${lines.join('\n')}\n`);
    await until('the long list is in force', async () => (await statusFrom('100.65.1.7')) === 403);
    expect(await statusFrom('192.0.2.77')).toBe(200);
    const { decision } = await platform.call('/', { headers: from('100.65.1.7') });
    expect(await platform.explain(decision)).toContain('100.65.1.7 (lists/deny.txt)');
    const kept = readFileSync(join(platform.state, 'gateway/snapshot-1'));
    expect(kept.length).toBeLessThan(2_000_000);
  }, 40_000);
});

describe('merlon api report', () => {
  it('names what is used and not declared, and what is used and to go, with who calls', async () => {
    await platform.call('/api/legacy/undeclared/17', { as: 'alice' });
    let report: { endpoints: { kind: string; path: string; callers: { client: string; roles: string[] }[] }[] };
    await until('the report has arrived', async () => {
      report = JSON.parse(outputOf(await platform.merlon('api', 'report', '--all', '--json')));
      return report.endpoints.some(({ path }) => path === '/api/legacy/undeclared/{}');
    });
    const { endpoints } = report! as typeof report;
    expect(endpoints.find(({ path }) => path === '/api/legacy/undeclared/{}')).toMatchObject({
      kind: 'shadow',
      callers: [{ client: expect.any(String), roles: ['customer'] }],
    });
    expect(endpoints.find(({ path }) => path === '/v1/graphql')).toMatchObject({ kind: 'zombie' });
    expect(outputOf(await platform.merlon('api', 'report'))).toMatch(/zombie.*POST \/v1\/graphql/);
  });
});
