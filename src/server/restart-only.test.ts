import { expect, test } from 'vitest';
import { manifestOf, shopText } from '../../test/fakes/manifest.ts';
import { checkReloadable } from './restart-only.ts';

const current = manifestOf(shopText);
const changed = (from: string, to: string) => {
  expect(shopText).toContain(from);
  return manifestOf(shopText.replaceAll(from, to));
};

test.each([
  ['trustDomain', 'shop.example', 'other.example'],
  ['gateway.listen', '127.0.0.1:8443', '127.0.0.1:9443'],
  ['gateway.workers', '  ipDeny:', '  workers: 3\n  ipDeny:'],
  ['gateway.redirect', '  ipDeny:', '  redirect: http://127.0.0.1:8080\n  ipDeny:'],
])('a change of `%s` is refused by name', (name, from, to) => {
  expect(() => checkReloadable(current, changed(from, to))).toThrow(
    expect.objectContaining({ code: 'manifest.needs-restart', message: expect.stringContaining(`\`${name}\``) }),
  );
});

test.each([
  ['trusted proxies', '  ipDeny:', '  trustedProxies: [10.0.0.1]\n  ipDeny:'],
  ['a bound of the listener', 'bodyBytes: 1MiB', 'bodyBytes: 1MiB, headerBytes: 8KiB, connectionsPerIp: 7'],
  ['nothing', 'version: 1', 'version: 1'],
  ['a limit', '600/min', '500/min'],
  ['the size of bodies', '1MiB', '2MiB'],
  ['who is denied', '192.0.2.0/24', '198.51.100.0/24'],
  ['a service', 'MODE: shop', 'MODE: market'],
  ['a route', 'auth: optional', 'auth: required'],
])('a change of %s is not', (_, from, to) => {
  expect(() => checkReloadable(current, changed(from, to))).not.toThrow();
});
