// Limits, API keys and slowed-down logins through a real gateway of two workers.
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Call, CallOptions } from './caller.ts';
import { outputOf, type Platform, type Status, startPlatform, until } from './platform.ts';

/** One host name for each kind of limit, all to the catalog. */
const kinds: Readonly<Record<string, string>> = {
  user: 'perUser: 3/h',
  client: 'perClient: 3/h',
  ip: 'perIp: 3/h',
  route: 'perRoute: 3/h',
  claim: 'perClaim: { claim: client_id, rate: 3/h }',
  burst: 'perUser: { rate: 5/h, burst: 3 }',
  day: 'quota: 3/day',
  month: 'quota: [100/day, { rate: 3/month, by: client }]',
  cost: 'perUser: 10/h, cost: { GET: 3 }',
  operation: 'perUser: 10/h, cost: { GET: 1, "GET /api/catalog/products": 3 }',
  running: 'concurrency: { count: 1, by: user }',
  several: 'concurrency: { count: 5, by: user }',
};

function withLimits(manifest: string): string {
  const routes = Object.entries(kinds).map(
    ([name, limits]) =>
      `  - { path: /api/catalog, host: ${name}.test, service: catalog, methods: [GET, POST], auth: token, limits: { ${limits} } }`,
  );
  const keys = [
    '  - { path: /api/catalog, host: keys.test, service: catalog, methods: [GET], auth: apiKey, scopes: [catalog:read] }',
    '  - { path: /api/catalog, host: per-key.test, service: catalog, methods: [GET], auth: apiKey, limits: { perApiKey: 3/h } }',
  ];
  return manifest
    .replace(
      '  limits: { perIp: 1200/min,',
      '  workers: 2\n  limits: { perIp: { rate: 6000/min, burst: 3000 }, total: 100000/min,',
    )
    .replace('\npolicies: policies/', `${[...routes, ...keys].join('\n')}\n`);
}

describe('a gateway of two workers', () => {
  let platform: Platform;
  const target = '/api/catalog/products';
  const at = (host: string, options: CallOptions = {}): Promise<Call> =>
    platform.call(target, { ...options, headers: { host: `${host}.test`, ...options.headers } });

  beforeAll(async () => {
    platform = await startPlatform({ edit: withLimits });
  }, 120_000);
  afterAll(() => platform?.stop(), 60_000);

  async function untilRefused(host: string, options: CallOptions): Promise<{ passed: Call[]; refused: Call }> {
    const passed: Call[] = [];
    for (let tries = 0; tries < 12; tries++) {
      const call = await at(host, options);
      if (call.status === 429) return { passed, refused: call };
      expect(call.status, call.text).toBe(200);
      passed.push(call);
    }
    throw new Error(`${host} was never refused`);
  }

  it.each(Object.keys(kinds).filter((name) => !['running', 'several'].includes(name)))(
    'refuses the fourth request with a problem that says when to come back: %s',
    async (name) => {
      const { passed, refused } = await untilRefused(name, { as: 'alice' });
      expect(passed.length).toBe(3);
      for (const call of passed) {
        expect(call.headers['ratelimit-policy']).toContain(';q=');
        expect(call.headers.ratelimit).toMatch(/"[A-Za-z._]+";r=\d+;t=\d+/);
      }
      expect(refused.headers['content-type']).toBe('application/problem+json');
      expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
      expect(refused.headers.ratelimit).toMatch(/"[A-Za-z._]+";r=[01];t=\d+/);
      expect(refused.headers['cache-control']).toBe('no-store');
      expect(refused.json).toMatchObject({ status: 429, code: 'limits.exceeded', title: 'Too many requests' });
      expect(refused.headers['ratelimit-policy']).toContain(`"${refused.json['violated-policies']?.[0]}"`);
      const explanation = await platform.explain(refused.decision);
      expect(explanation).toMatch(/routes\[\d+\]\.limits\./);
    },
  );

  it('counts each caller for itself', async () => {
    expect((await at('user', { as: 'alice' })).status).toBe(429);
    expect((await at('user', { as: 'bob' })).status).toBe(200);
    expect((await at('ip', { as: 'bob' })).status).toBe(429);
    expect((await at('ip', { as: 'bob', from: '127.0.0.9' })).status).toBe(200);
    expect((await at('route', { as: 'bob' })).status).toBe(429);
  });

  /** Requests whose bodies never end, each on a connection of its own: they are under way for as long as we like. */
  async function hold(host: string, count: number): Promise<{ refused: () => number; end: () => void }> {
    const token = await platform.token('alice');
    const sockets: ReturnType<typeof connect>[] = [];
    const refused = new Set<unknown>();
    for (let n = 0; n < count; n++) {
      const socket = connect({ host: '127.0.0.1', port: platform.port, ca: platform.ca, servername: 'localhost' });
      sockets.push(socket);
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => chunk.toString('latin1').startsWith('HTTP/1.1 429') && refused.add(socket));
      socket.write(
        `POST ${target} HTTP/1.1\r\nHost: ${host}.test\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{`,
      );
    }
    const end = (): void => {
      for (const socket of sockets) socket.destroy();
    };
    return { refused: () => refused.size, end };
  }

  it('lets one request at a time run where the limit says so, whichever worker has it, and says when to try again', async () => {
    const held = await hold('running', 3);
    await until('all but one are refused', () => held.refused() === 2);
    for (const refused of await Promise.all(Array.from({ length: 12 }, () => at('running', { as: 'alice' })))) {
      expect(refused.json).toMatchObject({ status: 429, code: 'limits.too-many-at-once' });
      expect(refused.headers['retry-after']).toBe('1');
    }
    expect((await at('running', { as: 'bob' })).status).toBe(200);
    held.end();
    await until('the slot is free', async () => (await at('running', { as: 'alice' })).status === 200);
  });

  it('lets as many run as the limit says, however they fall to the workers, and again when the workers have died', async () => {
    for (let round = 0; round < 3; round++) {
      const held = await hold('several', 8);
      await until('three of eight are refused', () => held.refused() === 3);
      expect((await at('several', { as: 'alice' })).status).toBe(429);
      if (round === 1) {
        for (const { role, pid } of platform.roles()) if (role === 'gateway') process.kill(pid, 'SIGKILL');
        await until('what ran in them runs no more', async () => {
          const answer = await at('several', { as: 'alice' }).catch(() => undefined);
          return answer?.status === 200;
        });
      }
      held.end();
      await until('all slots are free', async () => {
        const answers = await Promise.all(Array.from({ length: 5 }, () => at('several', { as: 'alice' }))).catch(
          () => [],
        );
        return answers.length === 5 && answers.every(({ status }) => status === 200);
      });
    }
  }, 60_000);

  describe('API keys', () => {
    const create = async (...args: string[]): Promise<string> =>
      outputOf(await platform.merlon('api-keys', 'create', 'ci', ...args));
    const keyed = (host: string, key: string): Promise<Call> => at(host, { headers: { 'x-api-key': key } });
    const idOf = (key: string): string => key.slice(3, 15);

    it('open what their scopes say, and end at once when they are revoked', async () => {
      const key = await create('--scope', 'catalog:read', '--owner', 'team-build');
      expect(key).toMatch(/^mk_[0-9a-z]{12}_[A-Za-z0-9_-]{43}$/);
      await until('the gateway knows the key', async () => (await keyed('keys', key)).status === 200);
      expect((await at('keys', { token: key })).status).toBe(200);
      expect((await keyed('keys', `${key.slice(0, -3)}AAA`)).json.code).toBe('authn.api-key');
      expect((await keyed('user', key)).json.code).toBe('authn.credential-kind');
      expect((await at('keys', { as: 'alice' })).json.code).toBe('authn.credential-kind');
      const list = outputOf(await platform.merlon('api-keys', 'list'));
      expect(list).toContain(idOf(key));
      expect(list).toContain('team-build');
      expect(list).not.toContain(key.slice(-43));
      outputOf(await platform.merlon('api-keys', 'revoke', idOf(key)));
      await until(
        'no worker takes the key',
        async () => {
          const answers = await Promise.all(Array.from({ length: 8 }, () => keyed('keys', key)));
          return answers.every(({ status }) => status === 401);
        },
        3000,
      );
    });

    it('without the scope do not', async () => {
      const key = await create();
      await until('the gateway knows the key', async () => (await keyed('keys', key)).status !== 401);
      const refused = await keyed('keys', key);
      expect(refused.status).toBe(403);
      expect(await platform.explain(refused.decision)).not.toContain(key.slice(-43));
    });

    it('in the query are refused, and do not stand in the record', async () => {
      const key = await create('--scope', 'catalog:read');
      await until('the gateway knows the key', async () => (await keyed('keys', key)).status === 200);
      const refused = await platform.call(`${target}?api_key=${key}`, { headers: { host: 'keys.test' } });
      expect([refused.status, refused.json.code]).toEqual([400, 'authn.api-key-in-query']);
      expect(await platform.explain(refused.decision)).not.toContain(key.slice(-43));
    });

    it('rotate without interruption', async () => {
      const key = await create('--scope', 'catalog:read');
      await until('the gateway knows the key', async () => (await keyed('keys', key)).status === 200);
      const next = outputOf(await platform.merlon('api-keys', 'rotate', idOf(key), '--overlap', '1h'));
      expect(next.slice(0, 16)).toBe(key.slice(0, 16));
      await until('the gateway knows the next', async () => (await keyed('keys', next)).status === 200);
      expect((await keyed('keys', key)).status).toBe(200);
      const last = outputOf(await platform.merlon('api-keys', 'rotate', idOf(key), '--overlap', '0s'));
      await until('the former one has ended', async () => (await keyed('keys', key)).status === 401);
      expect((await keyed('keys', last)).status).toBe(200);
    });

    it('have limits: of the route, and of their own', async () => {
      const limited = await create('--scope', 'catalog:read', '--limit', '2/h');
      await until(
        'the gateway knows the key',
        async () => (await at('keys', { headers: { 'x-api-key': limited } })).status !== 401,
      );
      const { refused } = await untilRefused('keys', { headers: { 'x-api-key': limited } });
      expect(refused.headers['ratelimit-policy']).toContain('"apiKey";q=2;w=3600');
      const [one, other] = [await create(), await create()];
      await until('the gateway knows the keys', async () => (await keyed('per-key', other)).status === 200);
      await untilRefused('per-key', { headers: { 'x-api-key': one } });
      expect((await keyed('per-key', other)).status).toBe(200);
    });
  });

  describe('guessing passwords', () => {
    /** One attempt on the login page, as a browser would make it; gives the status of the answer. */
    async function signIn(
      user: string,
      password: string,
      from: string,
    ): Promise<{ status: number; retryAfter: number }> {
      const query = new URLSearchParams({
        client_id: 'shop-web',
        response_type: 'code',
        scope: 'openid',
        redirect_uri: `${platform.url}/signed-in`,
        code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
        code_challenge_method: 'S256',
      });
      const begun = await platform.call(`/oidc/authorize?${query}`, { from });
      const page = new URL(String(begun.headers.location), platform.url).pathname;
      const cookie = (begun.headers['set-cookie'] ?? []).map((line) => line.split(';')[0]).join('; ');
      const body = new URLSearchParams({ username: user, password }).toString();
      const headers = { cookie, 'content-type': 'application/x-www-form-urlencoded', origin: platform.url };
      const answer = await platform.call(page, { method: 'POST', headers, body, from });
      return { status: answer.status, retryAfter: Number(answer.headers['retry-after'] ?? 0) };
    }

    it('waits longer and longer, whichever worker is asked, and does not lock the owner out', async () => {
      const password = await import('node:fs').then(({ readFileSync }) =>
        readFileSync(`${platform.state}/credentials/user-mia`, 'utf8').trim(),
      );
      // The owner is known at home.
      expect((await signIn('mia', password, '127.0.0.1')).status).toBe(303);
      const guesses: number[] = [];
      for (let guess = 0; guess < 9; guess++)
        guesses.push((await signIn('mia', `guess ${guess}`, '127.0.0.50')).status);
      expect(guesses.slice(0, 5)).toEqual([403, 403, 403, 403, 403]);
      expect(guesses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(2);
      const waits: number[] = [];
      for (let round = 0; round < 2; round++) {
        const { retryAfter } = await signIn('mia', 'again', '127.0.0.50');
        waits.push(retryAfter);
        await new Promise((resume) => setTimeout(resume, retryAfter * 1000 + 50));
        expect((await signIn('mia', 'again', '127.0.0.50')).status).toBe(403);
      }
      expect(waits[1] as number).toBeGreaterThan(waits[0] as number);
      // A thousand guessers elsewhere do not help: the account waits for them all. The right password too, there.
      expect((await signIn('mia', password, '127.0.0.51')).status).toBe(429);
      // And the owner gets in at home all the same.
      expect((await signIn('mia', password, '127.0.0.1')).status).toBe(303);
    });

    it('of many accounts from one address waits as well', async () => {
      const statuses: number[] = [];
      for (let guess = 0; guess < 24; guess++)
        statuses.push((await signIn(`nobody${guess}`, 'x', '127.0.0.60')).status);
      expect(statuses.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 403));
      expect(statuses).toContain(429);
      expect((await signIn('nobody1', 'x', '127.0.0.61')).status).toBe(403);
    });
  });

  it('keeps a quota over a restart of control, and of the gateway', async () => {
    for (const { pid } of platform.roles().filter(({ role }) => role !== 'agent')) process.kill(pid, 'SIGKILL');
    await until(
      'the roles are back',
      async () => {
        const { roles } = await platform.status().catch(() => ({ roles: [] }) as Pick<Status, 'roles'>);
        return roles.filter(({ role, version }) => role === 'gateway' && version !== undefined).length === 2;
      },
      30_000,
    );
    await until(
      'the port answers',
      async () => (await at('day', { as: 'alice' }).catch(() => undefined))?.status === 429,
    );
    expect((await at('month', { as: 'alice' })).status).toBe(429);
  });
});
