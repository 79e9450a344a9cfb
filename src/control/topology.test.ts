import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { MemoryStore } from '../../test/fakes/store.ts';
import { allocatePorts } from './topology.ts';

const purposes = ['inbound', 'service/orders'];
const nobody = (): boolean => false;
let store: MemoryStore;
let holder: Server | undefined;

beforeEach(() => {
  store = new MemoryStore(new ManualClock());
});

afterEach(() => new Promise((done) => (holder === undefined ? done(undefined) : holder.close(done))));

function hold(port: number): Promise<void> {
  return new Promise((done) => {
    holder = createServer().listen(port, '127.0.0.1', done);
  });
}

describe('allocatePorts', () => {
  it('gives each purpose a port of its own, and the same one again', async () => {
    const first = await allocatePorts(store, purposes, new Map(), nobody);
    expect(first('inbound')).not.toBe(first('service/orders'));
    const second = await allocatePorts(store, purposes, new Map(), nobody);
    expect(purposes.map(second)).toEqual(purposes.map(first));
  });

  it('gives another one where a stranger holds it, and the same one where its own run does', async () => {
    const first = await allocatePorts(store, purposes, new Map(), nobody, 'one');
    await hold(first('inbound'));
    const again = await allocatePorts(store, purposes, new Map(), nobody, 'one');
    expect(again('inbound')).toBe(first('inbound'));
    const later = await allocatePorts(store, purposes, new Map(), nobody, 'two');
    expect(later('inbound')).not.toBe(first('inbound'));
    expect(later('service/orders')).toBe(first('service/orders'));
  });

  it('refuses a port that the manifest names and a stranger holds', async () => {
    const free = (await allocatePorts(store, ['service/orders'], new Map(), nobody))('service/orders');
    const fixed = new Map([['service/orders', free]]);
    expect((await allocatePorts(store, purposes, fixed, nobody, 'one'))('service/orders')).toBe(free);
    await hold(free);
    expect((await allocatePorts(store, purposes, fixed, nobody, 'one'))('service/orders')).toBe(free);
    await expect(allocatePorts(store, purposes, fixed, nobody, 'two')).rejects.toThrow('already in use');
  });
});
