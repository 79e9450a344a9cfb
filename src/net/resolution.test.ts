import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { startTestDns } from '../../test/fakes/dns.ts';
import { systemClock } from '../core/clock.ts';
import { createUpstream, type Endpoint, type Upstream } from './index.ts';
import { dnsLifetime, startResolution } from './resolution.ts';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

const at = (host: string): Endpoint => ({ host, port: 8080 });

async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  await new Promise((resume) => setImmediate(resume));
}

function start(endpoints: readonly Endpoint[], names: Record<string, string[]>) {
  const clock = new ManualClock();
  const told: (readonly Endpoint[])[] = [];
  const failures: string[] = [];
  const resolution = startResolution(endpoints, {
    clock,
    intervalMs: 1000,
    lookup: async (host) => {
      if (names[host] === undefined) throw new Error('ENOTFOUND');
      return names[host];
    },
    onChange: (found) => told.push(found),
    onFailure: (host) => failures.push(host),
  });
  stops.push(() => resolution.stop());
  return { clock, told, failures, resolution };
}

test('a name stands for all of its addresses, looked up anew at each interval', async () => {
  const names = { 'orders.example': ['10.0.0.2', '10.0.0.1', '10.0.0.2'] };
  const { clock, told } = start([at('orders.example'), at('192.0.2.1')], names);
  await settled();
  expect(told).toEqual([[at('10.0.0.1'), at('10.0.0.2'), at('192.0.2.1')]]);
  await clock.advanceAsync(5000);
  expect(told).toHaveLength(1);
  names['orders.example'] = ['10.0.0.3'];
  await clock.advanceAsync(1000);
  await settled();
  expect(told.at(-1)).toEqual([at('10.0.0.3'), at('192.0.2.1')]);
});

test('what a name led to stays where it cannot be resolved, and is told', async () => {
  const names: Record<string, string[]> = { 'orders.example': ['10.0.0.1'] };
  const { clock, told, failures } = start([at('orders.example'), at('never.example')], names);
  await settled();
  delete names['orders.example'];
  await clock.advanceAsync(1000);
  await settled();
  expect(told).toEqual([[at('10.0.0.1'), at('never.example')]]);
  expect(new Set(failures)).toEqual(new Set(['never.example', 'orders.example']));
});

test('a name whose addresses are good for less than the interval is looked up when their time is over', async () => {
  const clock = new ManualClock();
  const started = clock.now();
  const looks: number[] = [];
  const lives: Record<string, number | undefined> = { 'short.example': 5000, 'hosts.example': undefined };
  const resolution = startResolution([at('short.example'), at('hosts.example')], {
    clock,
    intervalMs: 30_000,
    lookup: async (host) => {
      if (host === 'short.example') looks.push(clock.now() - started);
      return ['10.0.0.1'];
    },
    lifetime: async (host) => lives[host],
    onChange: () => undefined,
    onFailure: () => undefined,
  });
  stops.push(() => resolution.stop());
  await settled();
  await clock.advanceAsync(12_000, 500);
  expect(looks.slice(1)).toEqual([5000, 10_000]);
  // Nothing is good for no time at all, and nothing for longer than the interval.
  lives['short.example'] = 0;
  await clock.advanceAsync(6000, 500);
  expect(looks.slice(3)).toEqual([15_000, 16_000, 17_000, 18_000]);
  lives['short.example'] = 3_600_000;
  await clock.advanceAsync(60_000, 500);
  expect(looks.slice(7)).toEqual([19_000, 30_000, 60_000]);
});

test('DNS says how long its own addresses are good for, and nothing of others', async () => {
  const dns = await startTestDns(7);
  stops.push(() => dns.stop());
  dns.addresses.set('orders.example', ['10.0.0.1', '10.0.0.2']);
  const lifetime = dnsLifetime([`127.0.0.1:${dns.port}`]);
  expect(await lifetime('orders.example', ['10.0.0.2'])).toBe(7000);
  // The hosts file goes before DNS.
  expect(await lifetime('orders.example', ['127.0.0.1'])).toBeUndefined();
  expect(await lifetime('only-in-hosts.example', ['10.0.0.1'])).toBeUndefined();
});

test('other endpoints are looked up at once', async () => {
  const { told, resolution } = start([at('a.example')], { 'a.example': ['10.0.0.1'], 'b.example': ['10.0.0.2'] });
  resolution.set([at('b.example')]);
  await settled();
  expect(told).toEqual([[at('10.0.0.2')]]);
});

/** Servers on several loopback addresses and one port, each telling its address. */
async function listenOn(addresses: readonly string[]): Promise<number> {
  let port = 0;
  for (const address of addresses) {
    const server = createServer((request, response) => {
      setTimeout(() => response.end(address), request.url === '/slow' ? 200 : 0);
    });
    await new Promise<void>((done) => server.listen(port, address, done));
    port = (server.address() as AddressInfo).port;
    stops.push(() => new Promise((done) => server.close(done).closeAllConnections()));
  }
  return port;
}

test('an upstream follows a name: new addresses join, gone ones drain', async () => {
  const port = await listenOn(['127.0.0.1', '127.0.0.2', '127.0.0.3']);
  let addresses = ['127.0.0.1', '127.0.0.2'];
  const upstream: Upstream = createUpstream({
    name: 'orders',
    clock: systemClock,
    endpoints: [{ host: 'orders.example', port }],
    resolve: { intervalMs: 50, lookup: async () => addresses },
  });
  stops.push(() => upstream.stop());
  const ask = async (path = '/'): Promise<string> => (await upstream.fetch({ path })).body.toString();
  await expect.poll(() => upstream.status().length).toBe(2);
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask()));
  expect(new Set(answers)).toEqual(new Set(['127.0.0.1', '127.0.0.2']));
  const slow = await Promise.all([ask('/slow'), ask('/slow'), (async () => (addresses = ['127.0.0.3']))()]);
  expect(new Set(slow.slice(0, 2))).toEqual(new Set(['127.0.0.1', '127.0.0.2']));
  await expect.poll(() => upstream.status().map(({ endpoint }) => endpoint)).toEqual([`127.0.0.3:${port}`]);
  expect(await ask()).toBe('127.0.0.3');
});
