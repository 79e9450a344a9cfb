import { expect, test } from 'vitest';
import { hostReferences, isAddressName, isLocalHost, isOutsideHost, portNameFor } from './references.ts';

const hosts = (text: string): string[] =>
  hostReferences(text).map(({ host, port, form }) => `${host}:${port ?? '?'} ${form}`);

test.each([
  ['http://orders:8080/v1', ['orders:8080 url']],
  ['https://api.stripe.com/v1', ['api.stripe.com:443 url']],
  ['postgres://user:p%40ss@db/shop', ['db:5432 url']],
  ['jdbc:postgresql://db:5433/shop?ssl=true', ['db:5433 url']],
  ['mongodb://u:p@a:1,b:2,c/x', ['a:1 url', 'b:2 url', 'c:27017 url']],
  ['user:pw@tcp(mysql:3306)/shop', ['mysql:3306 host-port']],
  ['kafka-0:9092,kafka-1:9092', ['kafka-0:9092 host-port', 'kafka-1:9092 host-port']],
  ['--backend=orders:80 --verbose', ['orders:80 host-port']],
  ['http://[::1]:80/', ['::1:80 url']],
  ['Orders.Shop.svc.cluster.local.:80', ['orders.shop.svc.cluster.local:80 host-port']],
  ['orders', ['orders:? word']],
  ['12:30', []],
  ['1.2.3', []],
  ['name:latest', []],
  ['orders:99999', []],
  ['two words', []],
  ['', []],
])('%s names %j', (text, expected) => {
  expect(hosts(text)).toEqual(expected);
});

test('long and hostile text is looked through in linear time', () => {
  const before = performance.now();
  for (const text of [
    'a'.repeat(65_000),
    'a:'.repeat(30_000),
    'http://'.repeat(9000),
    '@tcp('.repeat(12_000),
    'a.'.repeat(32_000),
    'a-'.repeat(32_000),
    '/'.repeat(65_000),
  ])
    hostReferences(text);
  expect(performance.now() - before).toBeLessThan(2000);
});

test('names of variables that say where something is', () => {
  for (const name of ['CART_SERVICE_ADDR', 'DB_HOST', 'dbHost', 'API_URL', 'KAFKA_BROKERS', 'search.url'])
    expect(isAddressName(name), name).toBe(true);
  for (const name of ['SERVICE_NAME', 'DB_USER', 'POSTGRES_DB', 'IMAGE', ''])
    expect(isAddressName(name), name).toBe(false);
});

test('the variable of the port beside that of the host', () => {
  expect(portNameFor('DB_HOST')).toBe('DB_PORT');
  expect(portNameFor('dbHostname')).toBe('dbport');
  expect(portNameFor('OTHER')).toBe('OTHER');
});

test('hosts here and outside', () => {
  expect(['localhost', '127.0.0.1', '0.0.0.0', 'x.localhost'].every(isLocalHost)).toBe(true);
  expect(['example.com', '10.0.0.7', 'api.eu.example.org'].every(isOutsideHost)).toBe(true);
  expect(
    ['orders', 'orders.shop.svc', 'orders.shop.svc.cluster.local', 'printer.local', 'metadata.google.internal'].some(
      isOutsideHost,
    ),
  ).toBe(false);
});
