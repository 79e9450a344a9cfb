import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { manifestOf, shopText } from '../../test/fakes/manifest.ts';
import { noWeaknesses } from '../api/protections.ts';
import { systemClock } from '../core/clock.ts';
import { Lifecycle } from '../core/lifecycle.ts';
import { silentLogger } from '../core/log.ts';
import { type Foundation, openFoundation } from './control-foundation.ts';
import { assignSecretRoles, resolveAllSecrets } from './service-secrets.ts';
import { prepareState, type StateLayout, stateLayout } from './state.ts';

let layout: StateLayout;
let lifecycle: Lifecycle;
let foundation: Foundation;

beforeEach(async () => {
  layout = stateLayout(mkdtempSync(join(tmpdir(), 'merlon-secrets-')));
  prepareState(layout);
  lifecycle = new Lifecycle();
  foundation = await openFoundation(
    { layout, clock: systemClock, log: silentLogger, trustDomain: 'shop.example', weaknesses: noWeaknesses },
    lifecycle,
  );
});
afterEach(async () => {
  await lifecycle.stop();
  rmSync(layout.root, { recursive: true, force: true });
});

const operator = { kind: 'operator', id: 'admin-token' } as const;

/** The shop with these secrets of `orders`. */
const shop = (secrets: string) => manifestOf(shopText.replace(/ {4}secrets: .*\n/, `    secrets: { ${secrets} }\n`));

test('a generated secret is made once and stays', async () => {
  const manifest = shop('DB_PASSWORD: { path: secret/orders#password, generate: true }');
  const first = await resolveAllSecrets(manifest, foundation, layout);
  const second = await resolveAllSecrets(manifest, foundation, layout);
  expect(first.get('orders')?.DB_PASSWORD).toMatch(/^.{20,}$/);
  expect(second).toEqual(first);
  expect(first.get('payments') ?? {}).toEqual({});
});

test('all that are missing are told at once, with what to do', async () => {
  const manifest = shop('A: secret/one#x, B: secret/two#y');
  await expect(resolveAllSecrets(manifest, foundation, layout)).rejects.toMatchObject({
    code: 'secrets.missing',
    message: expect.stringMatching(/one.*two/s),
    hint: expect.stringContaining('merlon secrets put'),
  });
});

test('one that is wanted as a file lies in a private one, which goes when it is no longer wanted', async () => {
  await foundation.secrets.asOperator(operator).put('tls', { key: 'hunter2' });
  const wanted = shop('TLS_KEY: { path: secret/tls#key, as: file }');
  const path = (await resolveAllSecrets(wanted, foundation, layout)).get('orders')?.TLS_KEY as string;
  expect(path.startsWith(join(layout.serviceSecrets, 'orders'))).toBe(true);
  expect([readFileSync(path, 'utf8'), (statSync(path).mode & 0o077).toString(8)]).toEqual(['hunter2', '0']);
  await resolveAllSecrets(shop('A: { path: secret/a#b, generate: true }'), foundation, layout);
  expect(readdirSync(layout.serviceSecrets)).toEqual([]);
});

test('a workload may read over the API what its manifest entry names, and loses it with the entry', () => {
  assignSecretRoles(shop('A: secret/one#x, B: secret/one#y, C: secret/two#z'), foundation);
  expect([...foundation.secretRoles]).toEqual([
    ['spiffe://shop.example/service/orders', { service: 'orders', paths: expect.any(Array) }],
  ]);
  expect([...foundation.secretRoles.values()][0]?.paths).toHaveLength(2);
  assignSecretRoles(manifestOf(shopText.replace(/ {4}secrets: .*\n/, '')), foundation);
  expect(foundation.secretRoles.size).toBe(0);
});
