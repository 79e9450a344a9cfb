import { expect, test } from 'vitest';
import { tryParseNetwork } from './networks.ts';
import { tryParseSecretReference } from './secret-path.ts';
import { tryParseAddress, tryParseEndpoint } from './terms.ts';

test.each([
  ['10.0.0.0/8', 4, 8],
  ['203.0.113.7', 4, 32],
  ['2001:db8::/32', 6, 32],
  ['::1', 6, 128],
  ['0.0.0.0/0', 4, 0],
])('%s is a network', (text, family, prefix) => {
  expect(tryParseNetwork(text)).toMatchObject({ family, prefix, text });
});

test.each([
  '10.0.0.0/33',
  '10.0.0/8',
  '10.0.0.0/08',
  '10.0.0.0/8/8',
  '10.0.0.0/',
  '::1%lo',
  '::/129',
  'shop.example',
  '010.0.0.1',
  '',
])('%s is no network', (text) => {
  expect(tryParseNetwork(text)).toBeUndefined();
});

test.each([
  ['http://10.0.0.7:8080', { scheme: 'http', host: '10.0.0.7', port: 8080 }],
  ['https://[::1]:443', { scheme: 'https', host: '::1', port: 443 }],
  ['http://cache_store:6379', { scheme: 'http', host: 'cache_store', port: 6379 }],
])('%s is an address', (text, address) => {
  expect(tryParseAddress(text)).toEqual(address);
});

test.each([
  'http://host',
  'host:80',
  'ftp://host:80',
  'http://host:0',
  'http://host:65536',
  'http://host:80/',
  'http://u@host:80',
  'http://[host]:80',
  'http://[1.2.3.4]:80',
  'http://ho st:80',
  ' http://host:80',
])('%s is no address', (text) => {
  expect(tryParseAddress(text)).toBeUndefined();
});

test('destinations', () => {
  expect(tryParseEndpoint('API.stripe.com:443')).toEqual({ host: 'api.stripe.com', port: 443 });
  expect(tryParseEndpoint('*.example.com:443')).toEqual({ host: '*.example.com', port: 443 });
  for (const text of ['api.stripe.com', ':443', '*:443', 'a:b', 'https://a:443', 'a.*.com:443'])
    expect(tryParseEndpoint(text), text).toBeUndefined();
});

test('paths of secrets', () => {
  expect(tryParseSecretReference('secret/orders/db#password')).toEqual({
    mount: 'secret',
    path: 'orders/db',
    field: 'password',
  });
  for (const text of [
    'secret/orders',
    'secret#x',
    'secret/#x',
    'secret/../a#x',
    'secret/a/./b#x',
    'secret//a#x',
    'secret/a#',
    'secret/a#b#c',
    '/secret/a#b',
    'secret/a b#c',
  ])
    expect(tryParseSecretReference(text), text).toBeUndefined();
});
