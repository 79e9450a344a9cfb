import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Discovery, discoverManifest } from '../../src/manifest/control.ts';
import { checkManifest, type Files, systemFiles } from '../../src/manifest/index.ts';

// Discovery against applications that others wrote. Their NetworkPolicies, and the policies that a reference analysis
// expects for them, are the ground truth of who calls whom; what the settings alone say is held against it, and what is
// missed and what is more stands here, fixed.
const apps = resolve(process.env.MERLON_SUITES ?? `${import.meta.dirname}/../../../shared/suites`, 'apps');
const present = existsSync(apps);
if (!present) console.warn(`skipped: no applications at ${apps}`);

/** The machine's files without those whose path holds `hidden`. */
function without(hidden: string): Files {
  return {
    readText: systemFiles.readText,
    list: (path) => systemFiles.list(path)?.filter(({ name }) => !`${path}/${name}`.includes(hidden)),
  };
}

const edgesBy = (discovery: Discovery, kinds: readonly string[]): string[] =>
  discovery.edges
    .filter(({ evidence }) => evidence.some(({ kind }) => kinds.includes(kind)))
    .map(({ from, to }) => `${from} -> ${to}`);

/** What the settings name, what the policies state, and the difference. */
function compare(app: string, policies: string) {
  const named = edgesBy(discoverManifest(`${apps}/${app}`, without(policies)), ['variable', 'argument']);
  const whole = discoverManifest(`${apps}/${app}`);
  const stated = edgesBy(whole, ['NetworkPolicy']);
  return {
    whole,
    named,
    stated,
    missed: stated.filter((edge) => !named.includes(edge)),
    extra: named.filter((edge) => !stated.includes(edge)),
  };
}

const names = ({ services }: Discovery): string[] => services.map(({ name }) => name);
const codes = ({ findings }: Discovery, code: string): string[] =>
  findings.filter((finding) => finding.code === code).map(({ message }) => message);

describe.skipIf(!present)('discovery of applications', () => {
  test('online-boutique: every service, and every call that its authors state', () => {
    const { whole, named, stated, missed, extra } = compare('online-boutique', 'network-policies');
    expect(names(whole)).toEqual([
      'adservice',
      'cartservice',
      'checkoutservice',
      'currencyservice',
      'emailservice',
      'frontend',
      'loadgenerator',
      'paymentservice',
      'productcatalogservice',
      'recommendationservice',
      'redis-cart',
      'shippingservice',
    ]);
    expect(stated).toHaveLength(15);
    expect(named).toHaveLength(16);
    expect(missed).toEqual([]);
    // The frontend's policy lets anyone in, and so names nobody.
    expect(extra).toEqual(['loadgenerator -> frontend']);
    expect(whole.routes.map(({ path, service, kind }) => [path, service, kind])).toEqual([
      ['/', 'frontend', 'VirtualService'],
    ]);
    // The assistant is an optional part whose manifests are not in the folder.
    expect(codes(whole, 'discover.unknown-host')).toEqual([
      '`frontend` names `shoppingassistantservice` in `SHOPPING_ASSISTANT_SERVICE_ADDR`, which no file here declares',
    ]);
    expect(codes(whole, 'discover.conflict')).toEqual([]);
  });

  test('bookinfo: every service; of its calls, those to databases, for the others stand in its code', () => {
    const { whole, named, missed, extra } = compare('bookinfo', 'expected_netpol');
    expect(names(whole)).toEqual(['details', 'mongodb', 'mysqldb', 'productpage', 'ratings', 'reviews']);
    expect(named).toEqual(['ratings -> mongodb', 'ratings -> mysqldb']);
    expect(missed).toEqual([]);
    expect(extra).toEqual([]);
    // What its documentation draws and no manifest says: only traffic can tell.
    const drawn = ['productpage -> details', 'productpage -> reviews', 'reviews -> ratings'];
    expect(drawn.filter((edge) => !named.includes(edge))).toEqual(drawn);
    expect(whole.routes.map(({ path, service }) => `${path} ${service}`)).toEqual(
      ['/productpage', '/static', '/login', '/logout', '/api/v1/products'].map((path) => `${path} productpage`),
    );
    expect(codes(whole, 'discover.unknown-host')).toEqual([
      '`ratings-v2-mysql-vm` names `mysqldb.vm.svc.cluster.local` in `MYSQL_DB_HOST`, which no file here declares; there is one in `default`',
    ]);
    expect(codes(whole, 'discover.conflict')).toHaveLength(4);
  });

  test('guestbook: names are resolved within their namespaces', () => {
    const { whole, named, missed, extra } = compare('guestbook', 'expected_netpol');
    expect(names(whole)).toEqual(['frontend', 'redis-follower', 'redis-leader']);
    expect(named).toEqual(['frontend -> redis-follower', 'frontend -> redis-leader', 'redis-follower -> redis-leader']);
    expect(missed).toEqual([]);
    expect(extra).toEqual([]);
    expect(whole.edges.flatMap(({ ports }) => ports)).toEqual([6379, 6379, 6379]);
    // Its authors put it there to see whether it is taken for a call.
    expect(codes(whole, 'discover.unknown-host')).toEqual([
      '`frontend` names `redis-follower` in `REDIS_FOLLOWER_BAD_ADDR`, which no file here declares; there is one in `redis`',
    ]);
    expect(codes(whole, 'discover.conflict')).toEqual([]);
  });

  test('wordpress: a host that is a word', () => {
    const { whole, named, missed, extra } = compare('wordpress', 'expected_netpol');
    expect(names(whole)).toEqual(['wordpress', 'wordpress-mysql']);
    expect(named).toEqual(['wordpress -> wordpress-mysql']);
    expect(missed).toEqual([]);
    expect(extra).toEqual([]);
    expect(whole.services.map(({ secrets }) => [...secrets.keys()])).toEqual([
      ['WORDPRESS_DB_PASSWORD'],
      ['MYSQL_ROOT_PASSWORD'],
    ]);
  });

  test.each(['online-boutique', 'bookinfo', 'guestbook', 'wordpress'])(
    '%s: the draft is a manifest that holds',
    (app) => {
      const { manifest } = discoverManifest(`${apps}/${app}`);
      const { problems } = checkManifest(`${apps}/${app}/merlon.yaml`, manifest);
      expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
    },
  );

  test('the password that bookinfo holds in clear text is pointed out and not repeated', () => {
    const discovery = discoverManifest(`${apps}/bookinfo`);
    expect(codes(discovery, 'discover.plain-secret')).toHaveLength(3);
    expect(discovery.manifest).toContain('MYSQL_DB_PASSWORD: secret/ratings#mysql_db_password');
    expect(discovery.manifest).not.toMatch(/: password\b|cGFzc3dvcmQ/);
    expect(JSON.stringify(discovery.findings)).not.toMatch(/cGFzc3dvcmQ/);
  });
});
