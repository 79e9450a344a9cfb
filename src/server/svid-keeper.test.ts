import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { createTestAuthority, type TestAuthority } from '../../test/fakes/identity.ts';
import type { FromControl, FromRole } from '../api/channel.ts';
import { tryDecodeBase64Url } from '../core/bytes.ts';
import { silentLogger } from '../core/log.ts';
import { createSvidKeeper, type SvidKeeper } from './svid-keeper.ts';

const minute = 60_000;
const orders = 'spiffe://shop.example/service/orders';
const payments = 'spiffe://shop.example/service/payments';
const nonce = 'nonce-of-the-connection';

let folder: string;
let clock: ManualClock;
let authority: TestAuthority;
const keepers: SvidKeeper[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'merlon-svids-'));
  clock = new ManualClock();
  authority = await createTestAuthority(clock);
});
afterEach(async () => {
  for (const keeper of keepers.splice(0)) await keeper.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A keeper with a control that answers with a real authority while it is there. */
function create() {
  const asked: string[] = [];
  const alerts: object[] = [];
  let changes = 0;
  let present = true;
  const answer = async (message: Extract<FromRole, { type: 'svid-request' }>): Promise<FromControl> => {
    const { request, spiffeId } = message;
    const [publicKey, signature] = [message.publicKey, message.proof].map(tryDecodeBase64Url) as [Buffer, Buffer];
    try {
      const svid = await authority.issueX509Svid({ spiffeId, publicKey, proof: { nonce, signature } });
      return { type: 'svid', request, chain: svid.chain, notBeforeMs: svid.notBeforeMs, notAfterMs: svid.notAfterMs };
    } catch (error) {
      return { type: 'svid-refused', request, code: 'identity.refused', message: String(error) };
    }
  };
  const keeper = createSvidKeeper({
    file: join(folder, 'svids.json'),
    clock,
    log: { ...silentLogger, error: (fields) => void alerts.push(fields) },
    send: (message) => {
      if (!present || message.type !== 'svid-request') return;
      asked.push(message.spiffeId);
      void answer(message).then((reply) => keeper.receive(reply));
    },
    onChange: () => changes++,
  });
  keepers.push(keeper);
  return {
    keeper,
    asked,
    alerts,
    changes: () => changes,
    away: (value: boolean) => {
      present = !value;
    },
  };
}

async function settled(what: () => boolean): Promise<void> {
  for (let turn = 0; turn < 500 && !what(); turn++) await new Promise((resume) => setImmediate(resume));
  expect(what()).toBe(true);
}

test('holds what is wanted, each for a key of its own, in a private file', async () => {
  const { keeper, changes } = create();
  expect(keeper.complete).toBe(false);
  keeper.opened(nonce);
  keeper.want([orders, payments]);
  await settled(() => keeper.complete);
  expect(keeper.current(orders)?.key).not.toBe(keeper.current(payments)?.key);
  expect(keeper.current(orders)?.certificate).toContain('BEGIN CERTIFICATE');
  expect(keeper.current('spiffe://shop.example/service/catalog')).toBeUndefined();
  expect(changes()).toBe(2);
  expect((statSync(join(folder, 'svids.json')).mode & 0o777).toString(8)).toBe('600');
  keeper.want([payments]);
  expect([keeper.current(orders), keeper.current(payments) !== undefined, keeper.complete]).toEqual([
    undefined,
    true,
    true,
  ]);
});

test('renews at half of life, with another key', async () => {
  const { keeper, asked } = create();
  keeper.opened(nonce);
  keeper.want([orders]);
  await settled(() => keeper.complete);
  const first = keeper.current(orders);
  await clock.advanceAsync(20 * minute, minute);
  expect(asked).toHaveLength(1);
  await clock.advanceAsync(15 * minute, minute);
  await settled(() => keeper.current(orders)?.certificate !== first?.certificate);
  expect(keeper.current(orders)?.key).not.toBe(first?.key);
  expect(asked.length).toBeGreaterThan(1);
});

test('keeps the one that it has while control is away, alerts past 65 % of life, and gives up none that is valid', async () => {
  const { keeper, away, alerts } = create();
  keeper.opened(nonce);
  keeper.want([orders]);
  await settled(() => keeper.complete);
  const first = keeper.current(orders);
  away(true);
  await clock.advanceAsync(50 * minute, 10_000);
  expect(keeper.current(orders)).toBe(first);
  expect(alerts).toHaveLength(1);
  expect(JSON.stringify(alerts)).not.toContain('PRIVATE');
  await clock.advanceAsync(11 * minute, 10_000);
  expect([keeper.current(orders), keeper.complete]).toEqual([undefined, false]);
  away(false);
  keeper.opened(nonce);
  await settled(() => keeper.complete);
});

// An attempt takes up to 30 s to be given up and the back-off grows to 3 min: some of these moments lie in one, some in the other.
test.each([0, 10, 20, 40, 60, 90, 120, 150])('asks anew at once when control comes back %s s later', async (later) => {
  const { keeper, away } = create();
  keeper.opened(nonce);
  keeper.want([orders]);
  await settled(() => keeper.complete);
  away(true);
  await clock.advanceAsync(65 * minute + later * 1000, 5000);
  expect(keeper.complete).toBe(false);
  away(false);
  keeper.opened(nonce);
  await settled(() => keeper.complete);
});

test('serves after a restart from its file, while control is away', async () => {
  const before = create();
  before.keeper.opened(nonce);
  before.keeper.want([orders]);
  await settled(() => before.keeper.complete);
  await before.keeper.stop();
  const after = create();
  after.away(true);
  after.keeper.want([orders]);
  expect(after.keeper.current(orders)).toEqual(before.keeper.current(orders));
  expect(after.asked).toEqual([]);
});

test.each([
  '',
  'half of {"a',
  '{}',
  '[["a"]]',
  'null',
  '7',
  `[["${orders}",{"certificate":1,"key":null}]]`,
  `[["${orders}",null]]`,
])('a file that holds `%s` is ignored', async (text) => {
  writeFileSync(join(folder, 'svids.json'), text, { mode: 0o600 });
  const { keeper } = create();
  keeper.want([orders]);
  expect(keeper.current(orders)).toBeUndefined();
  await clock.advanceAsync(1);
  keeper.opened(nonce);
  await settled(() => keeper.complete);
});

test('a file that others may read is refused', () => {
  writeFileSync(join(folder, 'svids.json'), '[]', { mode: 0o644 });
  expect(() => create()).toThrow(expect.objectContaining({ code: 'state.permissions' }));
  expect(readFileSync(join(folder, 'svids.json'), 'utf8')).toBe('[]');
});

test('a proof for another connection gets nothing, and a refusal is tried again', async () => {
  const { keeper, asked } = create();
  keeper.want([orders]);
  keeper.opened('nonce-of-another-connection');
  await clock.advanceAsync(3000, 500);
  expect([asked.length > 0, keeper.complete]).toEqual([true, false]);
  keeper.opened(nonce);
  await clock.advanceAsync(2 * minute, 1000);
  await settled(() => keeper.complete);
});

test('messages about other things are left to others', () => {
  expect(create().keeper.receive({ type: 'records-ack', sequence: 1 })).toBe(false);
});
