import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request as plainRequest, type Server } from 'node:http';
import { request } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTestAuthority, type HeldSvid, type TestAuthority } from '../../test/fakes/identity.ts';
import { upstreamSettings } from '../../test/fakes/upstream-settings.ts';
import { noWeaknesses, type Protection, type Weaknesses } from '../api/protections.ts';
import type { Decision } from '../api/record.ts';
import type { AgentSnapshot } from '../api/snapshot.ts';
import { systemClock } from '../core/clock.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import { silentLogger } from '../core/log.ts';
import { bundleFromPem, compileBundles, createSvidVerifier } from '../identity/index.ts';
import { createInbound } from './inbound.ts';
import { createOutbound } from './outbound.ts';
import type { VerifySvid } from './ports.ts';

// orders may call payments; the gateway may call orders; legacy may call nobody. Each test speaks to the real agent halves.
const id = (name: string): string => `spiffe://shop.example/service/${name}`;
const gatewayId = 'spiffe://shop.example/merlon/gateway';
const agentId = 'spiffe://shop.example/merlon/agent';

let authority: TestAuthority;
let held: Map<string, HeldSvid>;
let workload: Server;
let seen: IncomingMessage['headers'][];
let decisions: Decision[];
let bundle: string;
let running: Stoppable[];
/** How often a half asked for the SVID of orders: the calling one does for each handshake. */
let ordersAsked: number;

beforeEach(async () => {
  authority = await createTestAuthority(systemClock);
  bundle = (await authority.bundle()).pem;
  held = new Map();
  for (const each of [id('orders'), id('payments'), id('legacy'), gatewayId, agentId])
    held.set(each, await authority.issue(each));
  seen = [];
  decisions = [];
  running = [];
  ordersAsked = 0;
  workload = createServer((incoming, outgoing) => {
    seen.push(incoming.headers);
    outgoing.end('charged');
  });
  workload.listen(0, '127.0.0.1');
  await once(workload, 'listening');
});

afterEach(async () => {
  for (const part of running.reverse()) await part.stop();
  workload.closeAllConnections();
  workload.close();
});

function verifierOf(weaknesses: Weaknesses): VerifySvid {
  const bundles = compileBundles([bundleFromPem('shop.example', bundle)]);
  return createSvidVerifier({ clock: systemClock, weaknesses, bundles: () => bundles });
}

async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function startAgent(weaknesses: Weaknesses = noWeaknesses): Promise<AgentSnapshot> {
  const { port } = workload.address() as AddressInfo;
  const inboundAt = { host: '127.0.0.1', port: await freePort() };
  const own = { endpoints: [{ host: '127.0.0.1', port }], upstream: upstreamSettings };
  const snapshot: AgentSnapshot = {
    trustDomain: 'shop.example',
    bundle,
    inbound: inboundAt,
    gatewayId,
    services: [
      { name: 'orders', spiffeId: id('orders'), serverName: 'orders.shop.example', ...own, callers: [gatewayId] },
      {
        name: 'payments',
        spiffeId: id('payments'),
        serverName: 'payments.shop.example',
        ...own,
        callers: [id('orders')],
      },
    ],
    edges: [
      {
        caller: 'orders',
        callee: 'payments',
        port: await freePort(),
        serverName: 'payments.shop.example',
        calleeId: id('payments'),
        endpoint: inboundAt,
      },
    ],
    egress: [],
  };
  const verify = verifierOf(weaknesses);
  const svid = (spiffeId: string) => {
    if (spiffeId === id('orders')) ordersAsked++;
    const found = held.get(spiffeId);
    return found && { certificate: found.chain, key: found.key };
  };
  const shared = { clock: systemClock, log: silentLogger, svid, verify };
  const inbound = createInbound({
    ...shared,
    weaknesses,
    record: (decision) => decisions.push(decision),
    agentId: () => agentId,
  });
  const outbound = createOutbound({ ...shared, spiffeIdOf: id });
  running.push(inbound, outbound);
  await inbound.apply(snapshot);
  await outbound.apply(snapshot);
  return snapshot;
}

interface Call {
  readonly svid?: HeldSvid | undefined;
  readonly servername?: string;
  readonly headers?: Record<string, string>;
}

/** Calls the inbound listener with a certificate of the test's choice. A connection that is cut gives its error's code. */
function call(
  { inbound }: AgentSnapshot,
  { svid, servername = 'payments.shop.example', headers = {} }: Call,
): Promise<{ status: number; body: string } | string> {
  return new Promise((resolve) => {
    const outgoing = request(
      {
        ...inbound,
        path: '/charges',
        servername,
        headers,
        agent: false,
        rejectUnauthorized: false,
        ...(svid === undefined ? {} : { cert: svid.chain, key: svid.key }),
      },
      (response) => {
        let body = '';
        response.on('data', (chunk) => (body += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      },
    );
    outgoing.on('error', (error) => resolve((error as NodeJS.ErrnoException).code ?? error.message));
    outgoing.end();
  });
}

function plain(
  port: number,
  headers: Record<string, string> = {},
  agent: Agent | false = false,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    plainRequest({ host: '127.0.0.1', port, path: '/charges', headers, agent }, (response) => {
      let body = '';
      response.on('data', (chunk) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    })
      .on('error', reject)
      .end();
  });
}

test('a declared call passes both halves, and the callee learns who calls', async () => {
  const { edges } = await startAgent();
  expect(await plain(edges[0]?.port as number)).toEqual({ status: 200, body: 'charged' });
  expect(seen[0]?.['merlon-caller']).toBe(id('orders'));
  expect(decisions[0]).toMatchObject({
    plane: 'mesh',
    verdict: 'allow',
    service: 'payments',
    principal: { kind: 'workload', id: id('orders') },
  });
});

describe('an undeclared call', () => {
  test('is refused, with a decision that names what would allow it', async () => {
    const snapshot = await startAgent();
    expect(await call(snapshot, { svid: held.get(id('legacy')) })).toMatchObject({ status: 403 });
    expect(seen).toEqual([]);
    expect(decisions[0]?.reason).toMatchObject({
      code: 'mesh.undeclared-call',
      rule: 'services.legacy.calls',
      actual: id('legacy'),
    });
  });

  test('would pass, were the protection off', async () => {
    const snapshot = await startAgent(new Set<Protection>(['mesh.calls']));
    expect(await call(snapshot, { svid: held.get(id('legacy')) })).toMatchObject({ status: 200 });
  });
});

describe('no SVID', () => {
  test('is cut in the handshake', async () => {
    const snapshot = await startAgent();
    expect(typeof (await call(snapshot, {}))).toBe('string');
    expect(seen).toEqual([]);
  });

  test('would reach the workload, were both protections off', async () => {
    const snapshot = await startAgent(new Set<Protection>(['mesh.client-certificate', 'mesh.calls']));
    expect(await call(snapshot, {})).toMatchObject({ status: 200 });
  });
});

describe('an SVID of another trust domain with the same names', () => {
  const foreign = async (): Promise<HeldSvid> => (await createTestAuthority(systemClock)).issue(id('orders'));

  test('is cut in the handshake', async () => {
    const snapshot = await startAgent();
    expect(typeof (await call(snapshot, { svid: await foreign() }))).toBe('string');
  });

  test('would pass, were the protection off', async () => {
    const snapshot = await startAgent(new Set<Protection>(['mesh.trust-domain']));
    expect(await call(snapshot, { svid: await foreign() })).toMatchObject({ status: 200 });
  });
});

describe('an expired SVID', () => {
  const expired = (): Promise<HeldSvid> => authority.issue(id('orders'), { notAfterMs: systemClock.now() - 60_000 });

  test('is cut in the handshake', async () => {
    const snapshot = await startAgent();
    expect(typeof (await call(snapshot, { svid: await expired() }))).toBe('string');
  });

  test('would pass, were the protection off', async () => {
    const snapshot = await startAgent(new Set<Protection>(['mesh.expiry']));
    expect(await call(snapshot, { svid: await expired() })).toMatchObject({ status: 200 });
  });
});

test('plain text gets nothing', async () => {
  const { inbound } = await startAgent();
  const socket = connect(inbound.port, inbound.host, () =>
    socket.write('GET /charges HTTP/1.1\r\nHost: payments\r\n\r\n'),
  );
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk));
  socket.on('error', () => undefined);
  await once(socket, 'close');
  expect(answer).not.toContain('HTTP/1.1 200');
  expect(seen).toEqual([]);
});

test('a workload cannot speak for users; the gateway can', async () => {
  const snapshot = await startAgent();
  await call(snapshot, {
    svid: held.get(id('orders')),
    headers: { 'merlon-subject': 'admin', 'merlon-caller': gatewayId },
  });
  await call(snapshot, {
    svid: held.get(gatewayId),
    servername: 'orders.shop.example',
    headers: { 'merlon-subject': 'alice' },
  });
  expect(seen.map((headers) => [headers['merlon-subject'], headers['merlon-caller']])).toEqual([
    [undefined, id('orders')],
    ['alice', gatewayId],
  ]);
});

test('a name that nobody here has is misdirected', async () => {
  const snapshot = await startAgent();
  expect(await call(snapshot, { svid: held.get(id('orders')), servername: 'nobody.shop.example' })).toMatchObject({
    status: 421,
  });
});

test('a caller does not talk to someone who cannot prove to be the callee', async () => {
  const snapshot = await startAgent();
  held.set(id('payments'), held.get(id('legacy')) as HeldSvid);
  await running[0]?.stop();
  running.shift();
  const verify = verifierOf(noWeaknesses);
  const impostor = createInbound({
    clock: systemClock,
    log: silentLogger,
    weaknesses: noWeaknesses,
    record: () => undefined,
    agentId: () => agentId,
    verify,
    svid: () => ({ certificate: held.get(id('legacy'))?.chain ?? '', key: held.get(id('legacy'))?.key ?? '' }),
  });
  running.push(impostor);
  await impostor.apply(snapshot);
  expect((await plain(snapshot.edges[0]?.port as number)).status).toBe(502);
  expect(seen).toEqual([]);
});

test('a declared call that is taken back is gone', async () => {
  const snapshot = await startAgent();
  const [inbound, outbound] = running as [ReturnType<typeof createInbound>, ReturnType<typeof createOutbound>];
  const next = { ...snapshot, edges: [], services: snapshot.services.map((service) => ({ ...service, callers: [] })) };
  await inbound.apply(next);
  await outbound.apply(next);
  await expect(plain(snapshot.edges[0]?.port as number)).rejects.toThrow('ECONNREFUSED');
  expect(await call(snapshot, { svid: held.get(id('orders')) })).toMatchObject({ status: 403 });
});

test('256 clients at once, 20 calls each: all are answered, over connections that are kept', async () => {
  const { edges } = await startAgent();
  const port = edges[0]?.port as number;
  const before = ordersAsked;
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const client = async (): Promise<number> => {
    let answered = 0;
    for (let turn = 0; turn < 20; turn++) if ((await plain(port, {}, agent)).status === 200) answered++;
    return answered;
  };
  const answered = await Promise.all(Array.from({ length: 256 }, client));
  agent.destroy();
  expect(answered.every((count) => count === 20)).toBe(true);
  expect(decisions.filter(({ verdict }) => verdict === 'allow')).toHaveLength(256 * 20);
  // The pool has 256 at most, and none of them was ended and made again.
  expect(ordersAsked - before).toBeLessThanOrEqual(256);
}, 60_000);
