import { describe, expect, test } from 'vitest';
import { compileCidrs, Headers, resolveClient, setForwarded } from './index.ts';

const trusted = compileCidrs(['10.0.0.0/8', 'fd00::/8']);

function resolve(remoteAddress: string, fields: Record<string, string | string[]>, set = trusted) {
  return resolveClient({ remoteAddress, scheme: 'http', host: 'own.example', headers: Headers.from(fields) }, set);
}

describe('resolveClient', () => {
  test.each<[what: string, peer: string, forwardedFor: string | string[], client: string, via: string[]]>([
    ['a stranger is not believed', '9.9.9.9', '1.1.1.1', '9.9.9.9', []],
    ['a trusted proxy is', '10.0.0.1', '1.1.1.1', '1.1.1.1', ['10.0.0.1']],
    ['what its client wrote is not', '10.0.0.1', '6.6.6.6, 1.1.1.1', '1.1.1.1', ['10.0.0.1']],
    ['a chain of trusted proxies', '10.0.0.1', '6.6.6.6, 1.1.1.1, 10.0.0.2', '1.1.1.1', ['10.0.0.2', '10.0.0.1']],
    [
      'several fields are one list',
      '10.0.0.1',
      ['6.6.6.6', '1.1.1.1', '10.0.0.2'],
      '1.1.1.1',
      ['10.0.0.2', '10.0.0.1'],
    ],
    ['junk ends the chain', '10.0.0.1', '1.1.1.1, unknown, 10.0.0.2', '10.0.0.2', ['10.0.0.1']],
    ['a port is junk', '10.0.0.1', '1.1.1.1:80', '10.0.0.1', []],
    ['trusted all the way', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3', ['10.0.0.2', '10.0.0.1']],
    ['mapped and IPv6', 'fd00::1', '::ffff:1.1.1.1', '1.1.1.1', ['fd00::1']],
    ['nothing said', '10.0.0.1', '', '10.0.0.1', []],
  ])('%s', (_, peer, forwardedFor, address, via) => {
    expect(resolve(peer, { 'x-forwarded-for': forwardedFor })).toMatchObject({ address, via });
  });

  test('scheme and host are believed with the address', () => {
    const fields = { 'x-forwarded-for': '1.1.1.1', 'x-forwarded-proto': 'HTTPS', 'x-forwarded-host': 'Shop.example' };
    expect(resolve('10.0.0.1', fields)).toMatchObject({ scheme: 'https', host: 'shop.example' });
    expect(resolve('9.9.9.9', fields)).toMatchObject({ scheme: 'http', host: 'own.example' });
    expect(resolve('10.0.0.1', { 'x-forwarded-proto': 'gopher' })).toMatchObject({ scheme: 'http' });
  });

  test('Forwarded is never read', () => {
    expect(resolve('10.0.0.1', { forwarded: 'for=6.6.6.6' })).toMatchObject({ address: '10.0.0.1' });
  });
});

test('setForwarded replaces what the client says of itself', () => {
  const headers = Headers.from({
    'x-forwarded-for': '6.6.6.6',
    forwarded: 'for=6.6.6.6',
    'x-real-ip': '6.6.6.6',
    accept: 'x',
  });
  setForwarded(headers, { address: '2001:db8::1', via: ['10.0.0.1'], scheme: 'https', host: 'shop.example' });
  expect([...headers]).toEqual([
    ['accept', 'x'],
    ['x-forwarded-for', '2001:db8::1, 10.0.0.1'],
    ['x-forwarded-proto', 'https'],
    ['x-forwarded-host', 'shop.example'],
    ['forwarded', 'for="[2001:db8::1]";proto=https;host="shop.example", for=10.0.0.1'],
  ]);
});
