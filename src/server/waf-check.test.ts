import { expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { MemoryStore } from '../../test/fakes/store.ts';
import type { GatewayRouteWaf, WafSection } from '../api/waf.ts';
import { compileWaf } from '../waf/index.ts';
import { checkWaf, checkWafOnce } from './waf-check.ts';

const clock = new ManualClock();
const route: GatewayRouteWaf = {
  mode: 'block',
  responseBody: false,
  bodyBytes: 1024,
  streamsBodies: false,
  exclusions: [],
  patches: [],
};
const patched = (seclang: string): GatewayRouteWaf => ({
  ...route,
  patches: [{ id: 'p', owner: 'o', reason: 'r', expires: '2030-01-01T00:00:00Z', seclang }],
});
const rules = (text: string): WafSection['ruleSets'] => [
  { name: 'own', files: [{ name: 'own.conf', text }], data: {} },
];
const section = (change: Partial<WafSection> = {}): WafSection => ({
  ruleSets: [],
  digest: 'builtin',
  sampling: 100,
  routes: { one: route },
  ...change,
});

// What lets `checkWaf` leave them unchecked.
test('the built-in rules compile at every level, for every mode, and have nothing without effect', () => {
  const waf = compileWaf({ ruleSets: [] }, clock);
  expect(waf.warnings).toEqual([]);
  for (const paranoia of [undefined, 1, 2, 3, 4])
    for (const mode of ['block', 'detect'] as const)
      for (const responseBody of [false, true])
        expect(() => waf.route({ ...route, mode, paranoia, threshold: 7, responseBody })).not.toThrow();
});

test('what a person wrote is compiled: a patch, an exclusion, rules', async () => {
  expect(await checkWaf(section(), clock)).toEqual([]);
  await expect(
    checkWaf(section({ routes: { one: patched('SecRule ARGS "@nothing x" "id:1"') } }), clock),
  ).rejects.toThrow(/no operator/);
  const excluded = { ...route, exclusions: [{ rules: 'x' }] };
  await expect(checkWaf(section({ routes: { one: excluded } }), clock)).rejects.toThrow();
  await expect(checkWaf(section({ ruleSets: rules('SecRule ARGS "@rx (" "id:1"') }), clock)).rejects.toThrow(
    /own\.conf/,
  );
});

test('what was found right is not compiled again; another digest or another route is', async () => {
  const store = new MemoryStore(clock);
  const version = async (): Promise<number | undefined> => (await store.get('waf/checked'))?.version;
  const own = section({ digest: 'a', ruleSets: rules('SecRule ARGS "@rx a" "id:1,phase:2,pass,expirevar:tx.a=1"') });
  const warnings = await checkWafOnce(own, clock, store);
  expect(warnings).toHaveLength(1);
  // The text is not looked at where its digest is the same.
  expect(await checkWafOnce({ ...own, ruleSets: rules('SecRule') }, clock, store)).toEqual(warnings);
  expect(await version()).toBe(1);
  await expect(checkWafOnce({ ...own, digest: 'b', ruleSets: rules('SecRule') }, clock, store)).rejects.toThrow();
  expect(await version()).toBe(1);
  await checkWafOnce({ ...own, routes: { one: route, two: route } }, clock, store);
  expect(await version()).toBe(2);
});

test('nothing is kept for the built-in rules alone, or without a firewall', async () => {
  const store = new MemoryStore(clock);
  expect(await checkWafOnce(section(), clock, store)).toEqual([]);
  expect(await checkWafOnce(undefined, clock, store)).toEqual([]);
  expect(await store.get('waf/checked')).toBeUndefined();
});
