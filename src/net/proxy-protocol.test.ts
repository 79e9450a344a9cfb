import { connect } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { createTlsAuthority } from '../../test/fakes/certificates.ts';
import { Peers, RawClient } from '../../test/fakes/http-peers.ts';
import type { HttpServerOptions } from './index.ts';
import { readProxyHeader } from './proxy-protocol.ts';

const peers = new Peers();
afterEach(() => peers.close());

const signature = '\r\n\r\n\0\r\nQUIT\n';
const v4 = `${signature}\x21\x11\x00\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x10\x00\x00\x50`;
const request = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
const read = (text: string) => readProxyHeader(Buffer.from(text, 'latin1'));

describe('readProxyHeader', () => {
  test.each([
    ['PROXY TCP4 1.2.3.4 5.6.7.8 1000 80\r\n', { address: '1.2.3.4', port: 1000 }],
    ['PROXY TCP6 2001:db8::1 ::1 1000 80\r\n', { address: '2001:db8::1', port: 1000 }],
    ['PROXY UNKNOWN\r\n', undefined],
    ['PROXY UNKNOWN what ever\r\n', undefined],
    [v4, { address: '1.2.3.4', port: 4096 }],
    [`${v4.replace('\x0c', '\x0f')}\x04\x00\x00`, { address: '1.2.3.4', port: 4096 }],
    [
      `${signature}\x21\x21\x00\x24 \x01\x0d\xb8${'\0'.repeat(11)}\x01${'\0'.repeat(16)}\x00\x01\x00\x50`,
      { address: '2001:db8::1', port: 1 },
    ],
    [`${signature}\x20\x00\x00\x00`, undefined],
    [`${signature}\x21\x00\x00\x00`, undefined],
  ])('%j', (text, source) => {
    expect(read(`${text}rest`)).toEqual({ bytes: text.length, source });
    for (let end = 0; end < text.length; end++) expect(read(text.slice(0, end))).toBeUndefined();
  });

  test.each([
    request,
    'PROXY TCP4 1.2.3.4 5.6.7.8 1000 80 x\r\n',
    'PROXY TCP4 01.2.3.4 5.6.7.8 1000 80\r\n',
    'PROXY TCP4 ::1 ::1 1000 80\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 65536 80\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1000\r\n',
    'PROXY UDP4 1.2.3.4 5.6.7.8 1000 80\r\n',
    'proxy TCP4 1.2.3.4 5.6.7.8 1000 80\r\n',
    `PROXY ${'x'.repeat(200)}`,
    `${signature}\x31\x11\x00\x0c`,
    `${signature}\x22\x11\x00\x0c`,
    `${signature}\x21\x11\x00\x04\x01\x02\x03\x04`,
    `${signature}\x21\x11\xff\xff`,
  ])('%j is refused', (text) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'net.bad-proxy-header' }));
  });
});

describe('a listener behind a proxy', () => {
  const behind = (options: Partial<HttpServerOptions> = {}) =>
    peers.server({
      proxyProtocol: 'required',
      trustedProxies: ['127.0.0.0/8'],
      limits: { headerTimeMs: 200 },
      onRequest: ({ remoteAddress, remotePort }, reply) => reply.send(200, {}, `${remoteAddress} ${remotePort}`),
      ...options,
    });

  test('takes the address from the header', async () => {
    const { port } = await behind();
    expect(await peers.exchange(port, v4 + request)).toMatch(/1\.2\.3\.4 4096$/);
    const client = await peers.client(port);
    for (const piece of `PROXY TCP4 9.8.7.6 5.6.7.8 7 80\r\n${request}`.match(/.{1,9}/gs) ?? []) {
      client.send(piece);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(await client.untilClosed()).toMatch(/9\.8\.7\.6 7$/);
  });

  test('takes it before TLS too', async () => {
    const authority = createTlsAuthority('ours');
    const { port } = await behind({ tls: authority.issue({ dnsNames: ['localhost'] }) });
    const { socket } = await peers.client(port);
    socket.removeAllListeners('data').pause();
    socket.write(v4, 'latin1');
    const secure = connect({ socket, ca: authority.bundle, servername: 'localhost' });
    const client = new RawClient(secure as never);
    client.send(request);
    expect(await client.until('1.2.3.4 4096')).toContain('200 OK');
  });

  test('serves nobody without a header, in time', async () => {
    const { port, server } = await behind();
    expect(await peers.exchange(port, request)).toBe('');
    expect(await (await peers.client(port)).untilClosed()).toBe('');
    expect(server.stats).toMatchObject({ requests: 0, rejected: 2 });
  });

  test('believes nobody who is not trusted', async () => {
    const { port, server } = await behind({ trustedProxies: ['10.0.0.0/8'] });
    expect(await peers.exchange(port, v4 + request)).toBe('');
    expect(server.stats).toMatchObject({ requests: 0, rejected: 1 });
  });

  test('reads none where it is not behind one', async () => {
    const { port } = await behind({ proxyProtocol: 'none' });
    expect(await peers.exchange(port, v4 + request)).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('counts connections by the address in the header', async () => {
    const { port } = await behind({ limits: { connectionsPerIp: 1 } });
    const first = await peers.client(port);
    first.send(v4);
    const other = await peers.exchange(port, `PROXY TCP4 9.9.9.9 5.6.7.8 7 80\r\n${request}`);
    expect(other).toContain('9.9.9.9');
    expect(await peers.exchange(port, v4 + request)).toBe('');
  });
});
