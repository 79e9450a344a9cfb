import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { MemoryStore } from '../../test/fakes/store.ts';
import { allocatePorts } from './topology.ts';

const listening: Server[] = [];
afterEach(async () => {
  for (const server of listening.splice(0)) await new Promise((closed) => server.close(closed));
});

/** Takes a port; any free one where none is named. */
async function take(port = 0): Promise<number> {
  const server = createServer();
  await new Promise<void>((done, fail) => server.once('error', fail).listen(port, '127.0.0.1', done));
  listening.push(server);
  return (server.address() as { port: number }).port;
}

async function free(): Promise<number> {
  const port = await take();
  await new Promise((closed) => listening.pop()?.close(closed));
  return port;
}

const purposes = ['control', 'inbound', 'service/orders', 'edge/orders/payments'];
const none = new Map<string, number>();
const nobody = (): boolean => false;

test('each purpose has a port of its own that can be listened on', async () => {
  const portOf = await allocatePorts(new MemoryStore(), purposes, none, nobody);
  const ports = purposes.map(portOf);
  expect(new Set(ports).size).toBe(purposes.length);
  for (const port of ports) expect(await take(port)).toBe(port);
});

test('a choice outlives the process, and gives way where another has taken the port meanwhile', async () => {
  const store = new MemoryStore();
  const first = await allocatePorts(store, purposes, none, nobody);
  await take(first('inbound'));
  const second = await allocatePorts(store, purposes, none, nobody);
  for (const kept of ['control', 'service/orders', 'edge/orders/payments']) expect(second(kept)).toBe(first(kept));
  expect(second('inbound')).not.toBe(first('inbound'));
});

test('a port that was found taken is given to nobody again, be it held by our own', async () => {
  const store = new MemoryStore();
  const first = await allocatePorts(store, purposes, none, nobody, 'run-1');
  const lost = first('inbound');
  const second = await allocatePorts(store, purposes, none, () => true, 'run-1', new Set([lost]));
  expect(second('inbound')).not.toBe(lost);
  for (const kept of ['control', 'service/orders', 'edge/orders/payments']) expect(second(kept)).toBe(first(kept));
  const fixed = new Map([['service/orders', 23_456]]);
  await expect(allocatePorts(store, purposes, fixed, nobody, 'run-1', new Set([23_456]))).rejects.toMatchObject({
    code: 'control.port-in-use',
  });
});

test('what our own roles hold stays theirs', async () => {
  const store = new MemoryStore();
  const first = await allocatePorts(store, purposes, none, nobody);
  for (const purpose of purposes) await take(first(purpose));
  const held = new Set(purposes.map(first));
  const second = await allocatePorts(store, [...purposes, 'egress/orders'], none, (port) => held.has(port));
  expect(purposes.map(second)).toEqual(purposes.map(first));
  expect(held.has(second('egress/orders'))).toBe(false);
});

test('what the same run was given before is held by its own, for control may come back while they go on', async () => {
  const store = new MemoryStore();
  const first = await allocatePorts(store, purposes, none, nobody, 'run-1');
  for (const purpose of purposes) await take(first(purpose));
  const again = await allocatePorts(store, purposes, none, nobody, 'run-1');
  expect(purposes.map(again)).toEqual(purposes.map(first));
  const another = await allocatePorts(store, purposes, none, nobody, 'run-2');
  for (const purpose of purposes) expect(purposes.map(first)).not.toContain(another(purpose));
});

test('a purpose that is gone gives its port back', async () => {
  const store = new MemoryStore();
  const first = await allocatePorts(store, purposes, none, nobody);
  await allocatePorts(store, ['control'], none, nobody);
  const wanted = new Map([['service/new', first('inbound')]]);
  const second = await allocatePorts(store, ['control', 'service/new'], wanted, nobody);
  expect(second('service/new')).toBe(first('inbound'));
});

test('a port that the manifest fixes wins over the kept one', async () => {
  const store = new MemoryStore();
  await allocatePorts(store, purposes, none, nobody);
  const wanted = await free();
  const portOf = await allocatePorts(store, purposes, new Map([['service/orders', wanted]]), nobody);
  expect(portOf('service/orders')).toBe(wanted);
});

test('a fixed port that is taken is told by number and service', async () => {
  const taken = await take();
  const fixed = new Map([['service/orders', taken]]);
  await expect(allocatePorts(new MemoryStore(), purposes, fixed, nobody)).rejects.toMatchObject({
    code: 'control.port-in-use',
    message: `port ${taken} of service orders is already in use`,
    hint: expect.stringContaining('port'),
  });
});

test('a fixed port that our own run holds is not taken', async () => {
  const store = new MemoryStore();
  const fixed = new Map([['service/orders', await free()]]);
  const first = await allocatePorts(store, purposes, fixed, nobody, 'run-1');
  await take(first('service/orders'));
  const again = await allocatePorts(store, purposes, fixed, nobody, 'run-1');
  expect(again('service/orders')).toBe(first('service/orders'));
  await expect(allocatePorts(store, purposes, fixed, nobody, 'run-2')).rejects.toMatchObject({
    code: 'control.port-in-use',
  });
});

test('a fixed port is not given to a purpose that comes before its own', async () => {
  const store = new MemoryStore();
  const first = await allocatePorts(store, purposes, none, nobody);
  // The manifest now fixes the very port that another purpose had chosen.
  const fixed = new Map([['service/orders', first('control')]]);
  const portOf = await allocatePorts(store, purposes, fixed, nobody);
  expect(portOf('service/orders')).toBe(first('control'));
  expect(portOf('control')).not.toBe(first('control'));
});

test('two services that fix the same port are told so', async () => {
  const wanted = await free();
  const fixed = new Map([
    ['service/orders', wanted],
    ['edge/orders/payments', wanted],
  ]);
  await expect(allocatePorts(new MemoryStore(), purposes, fixed, nobody)).rejects.toMatchObject({
    code: 'control.port-in-use',
  });
});
