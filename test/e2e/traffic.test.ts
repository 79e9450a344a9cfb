// A service with several endpoints behind a name, and a route that is split: what changes drops no request.
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { keepAlive } from './caller.ts';
import { type Platform, startPlatform, until } from './platform.ts';

interface Instance {
  readonly server: Server;
  readonly port: number;
  well: boolean;
  requests: number;
}

/** A service elsewhere, that says who it is. */
async function startInstance(name: string): Promise<Instance> {
  const instance = { well: true, requests: 0 } as { -readonly [K in keyof Instance]: Instance[K] };
  instance.server = createServer((request, response) => {
    if (request.url === '/healthz') return void response.writeHead(instance.well ? 200 : 503).end();
    instance.requests++;
    response.end(name);
  });
  await new Promise<void>((done) => instance.server.listen(0, '127.0.0.1', done));
  instance.port = (instance.server.address() as AddressInfo).port;
  return instance;
}

let platform: Platform;
let instances: Instance[];
let next: Instance;
let original: string;

beforeAll(async () => {
  instances = [await startInstance('stable'), await startInstance('stable')];
  next = await startInstance('next');
  const [one, two] = instances as [Instance, Instance];
  platform = await startPlatform({
    edit: (text) =>
      text
        .replace('perIp: 1200/min', 'perIp: 600000/min')
        .replace(
          /^services:\n/m,
          `services:\n  stable:\n    address: ['http://localhost:${one.port}', 'http://127.0.0.1:${two.port}']\n    upstream: { resolve: 200ms, healthCheck: { path: /healthz, interval: 100ms } }\n  next: { address: 'http://127.0.0.1:${next.port}' }\n`,
        )
        .replace(
          /^routes:\n/m,
          'routes:\n  - { path: /split, service: stable, auth: public, canary: [{ service: next, weight: 20, headers: { X-Canary: "yes" } }] }\n',
        ),
  });
  original = readFileSync(platform.manifest, 'utf8');
}, 90_000);

afterAll(async () => {
  await platform?.stop();
  for (const { server } of [...(instances ?? []), next]) server?.close();
}, 60_000);

async function write(manifest: string): Promise<void> {
  const { snapshot } = await platform.status();
  writeFileSync(platform.manifest, manifest);
  await until('the new snapshot is everywhere', async () => {
    const status = await platform.status();
    const serving = status.roles.filter(({ role }) => role !== 'supervisor');
    return status.snapshot !== snapshot && serving.find(({ role }) => role === 'gateway')?.version === status.snapshot;
  });
}

async function count(requests: number, headers: Record<string, string> = {}): Promise<Record<string, number>> {
  const agent = keepAlive(platform.ca);
  const seen: Record<string, number> = {};
  for (let at = 0; at < requests; at++) {
    const { status, text } = await platform.call('/split', { agent, headers });
    const key = status === 200 ? text : String(status);
    seen[key] = (seen[key] ?? 0) + 1;
  }
  agent.destroy();
  return seen;
}

it('splits by weight and by header, uses every endpoint, and explains who answered', async () => {
  expect(await count(200)).toEqual({ stable: 160, next: 40 });
  expect(await count(20, { 'x-canary': 'yes' })).toEqual({ next: 20 });
  for (const { requests } of instances) expect(requests).toBeGreaterThan(50);
  const { decision } = await platform.call('/split', { headers: { 'x-canary': 'yes' } });
  const explained = await platform.explain(decision);
  expect(explained).toMatch(/service\s+next/);
  expect(explained).toContain('headers of the request');
});

it('takes an endpoint out while it is not well, and back', async () => {
  const [one, two] = instances as [Instance, Instance];
  one.well = false;
  await new Promise((resume) => setTimeout(resume, 600));
  const before = [one.requests, two.requests] as const;
  expect((await count(50)).stable).toBe(40);
  expect([one.requests - before[0], two.requests - before[1]]).toEqual([0, 40]);
  one.well = true;
  await new Promise((resume) => setTimeout(resume, 600));
  await count(50);
  expect(one.requests).toBeGreaterThan(before[0]);
});

it('moves the weight under load and drops no request', async () => {
  let over = false;
  const seen: Record<string, number> = {};
  const asking = (async () => {
    while (!over) for (const [name, times] of Object.entries(await count(10))) seen[name] = (seen[name] ?? 0) + times;
  })();
  await write(original.replace('weight: 20', 'weight: 100'));
  expect(await count(30)).toEqual({ next: 30 });
  await write(original.replace('weight: 20, headers', 'weight: 0, headers'));
  expect(await count(30)).toEqual({ stable: 30 });
  over = true;
  await asking;
  expect(Object.keys(seen).sort()).toEqual(['next', 'stable']);
});
