import { randomBytes, X509Certificate } from 'node:crypto';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createTlsAuthority, type TlsAuthority } from '../../test/fakes/certificates.ts';
import { Peers, RawClient, statusesOf } from '../../test/fakes/http-peers.ts';
import type { HttpServerOptions, ServerTls, TlsCredentials } from './index.ts';

const peers = new Peers();
afterEach(() => peers.close());

let authority: TlsAuthority;
let stranger: TlsAuthority;
let credentials: TlsCredentials;
beforeAll(() => {
  authority = createTlsAuthority('ours');
  stranger = createTlsAuthority('theirs');
  credentials = authority.issue({ dnsNames: ['localhost'], addresses: ['127.0.0.1'] });
});

const request = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';

async function tlsServer(tls: Partial<ServerTls> = {}, options: Partial<HttpServerOptions> = {}) {
  return peers.server({
    tls: { ...credentials, ...tls },
    onRequest: (seen, reply) => {
      const subject = seen.peerCertificate && new X509Certificate(seen.peerCertificate.leaf).subjectAltName;
      reply.send(200, {}, `${seen.scheme} ${seen.servername ?? '-'} ${subject ?? 'anonymous'}`);
    },
    ...options,
  });
}

/** A TLS client that trusts our authority. Rejects when the handshake does. */
function secure(port: number, options: ConnectionOptions = {}): Promise<RawClient & { socket: TLSSocket }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', ca: authority.bundle, servername: 'localhost', ...options });
    peers.defer(() => socket.destroy());
    socket.once('error', reject);
    socket.once('secureConnect', () => resolve(new RawClient(socket) as RawClient & { socket: TLSSocket }));
  });
}

/** The content of the reply to one request, or the error that came instead. */
async function ask(port: number, options: ConnectionOptions = {}): Promise<string> {
  try {
    const client = await secure(port, options);
    client.send(request);
    return (await client.until((text) => /\r\n\r\n.+/.test(text))).split('\r\n\r\n')[1] as string;
  } catch (error) {
    return `failed: ${(error as Error).message}`;
  }
}

describe('a TLS listener', () => {
  test('serves, and says so', async () => {
    const { port } = await tlsServer();
    expect(await ask(port)).toBe('https localhost anonymous');
  });

  test('refuses TLS 1.1 and other protocols', async () => {
    const { port, server } = await tlsServer();
    expect(await ask(port, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' })).toMatch(
      /^failed/,
    );
    expect(await ask(port, { ALPNProtocols: ['h2'] })).toMatch(/^failed/);
    expect(server.stats.rejected).toBeGreaterThan(0);
  });

  test('chooses the certificate by the name that is asked for', async () => {
    const other = authority.issue({ dnsNames: ['other.example'] });
    const { port } = await tlsServer({ sni: (name) => (name === 'other.example' ? other : undefined) });
    const client = await secure(port, { servername: 'other.example' });
    expect(client.socket.getPeerCertificate().subjectaltname).toBe('DNS:other.example');
    expect((await secure(port)).socket.getPeerCertificate().subjectaltname).toContain('DNS:localhost');
  });

  test('takes a new certificate without dropping a connection', async () => {
    const { port, server } = await tlsServer();
    const before = await secure(port);
    const fresh = authority.issue({ dnsNames: ['localhost', 'fresh.example'] });
    server.setTls(fresh);
    const after = await secure(port);
    expect(after.socket.getPeerCertificate().subjectaltname).toContain('fresh.example');
    before.send(request);
    expect(await before.until('anonymous')).toContain('200 OK');
    expect(() => server.setTls({ certificate: 'nonsense', key: credentials.key })).toThrow(/cannot be used/);
    expect(await ask(port)).toBe('https localhost anonymous');
  });

  test('needs a bundle to ask for client certificates', async () => {
    await expect(tlsServer({ clientCertificate: 'required' })).rejects.toMatchObject({ code: 'net.bad-tls' });
  });

  /** A first connection and what it takes to resume its session. */
  async function sessionOf(port: number, options: ConnectionOptions = {}): Promise<ConnectionOptions> {
    const client = await secure(port, options);
    // TLS 1.2 brings its ticket within the handshake, 1.3 after it.
    const late = new Promise<Buffer>((resolve) => client.socket.once('session', resolve));
    client.send(request);
    const session = client.socket.getProtocol() === 'TLSv1.2' ? client.socket.getSession() : await late;
    return { ...options, session };
  }
  const isReused = async (port: number, options: ConnectionOptions): Promise<boolean> =>
    (await secure(port, options)).socket.isSessionReused();

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    '%s sessions of one worker are resumed by another that shares its ticket keys',
    async (version) => {
      const ticketKeys = [randomBytes(48)];
      const [one, two] = [await tlsServer({ ticketKeys }), await tlsServer({ ticketKeys })];
      const stranger = await tlsServer();
      const session = await sessionOf(one.port, { minVersion: version, maxVersion: version });
      expect(await isReused(two.port, session)).toBe(true);
      expect(await isReused(stranger.port, session)).toBe(false);
    },
  );

  test('a rotation of ticket keys ends no session, and the second next one does', async () => {
    const [first, second, third] = [randomBytes(48), randomBytes(48), randomBytes(48)] as const;
    const { port, server } = await tlsServer({ ticketKeys: [first] });
    const session = await sessionOf(port);
    server.setTls({ ...credentials, ticketKeys: [second, first] });
    expect(await isReused(port, session)).toBe(true);
    const renewed = await sessionOf(port, session);
    server.setTls({ ...credentials, ticketKeys: [third, second] });
    expect(await isReused(port, session)).toBe(false);
    expect(await isReused(port, renewed)).toBe(true);
  });

  test('ticket keys of a wrong length are refused', async () => {
    await expect(tlsServer({ ticketKeys: [randomBytes(32)] })).rejects.toMatchObject({ code: 'net.bad-tls' });
    await expect(tlsServer({ ticketKeys: [] })).rejects.toMatchObject({ code: 'net.bad-tls' });
  });

  test('agrees on keys by X25519 with ML-KEM-768, and by X25519 with clients that lack it', async () => {
    const { port } = await tlsServer();
    const groupOf = async (options: ConnectionOptions): Promise<unknown> =>
      ((await secure(port, options)).socket.getEphemeralKeyInfo() as { name?: string }).name;
    expect(await groupOf({})).toBe('X25519MLKEM768');
    expect(await groupOf({ ecdhCurve: 'X25519MLKEM768' })).toBe('X25519MLKEM768');
    expect(await groupOf({ ecdhCurve: 'X25519:P-256' })).toBe('X25519');
  });

  test('can ask for TLS 1.3', async () => {
    const { port } = await tlsServer({ minVersion: 'TLSv1.3' });
    expect(await ask(port, { maxVersion: 'TLSv1.2' })).toMatch(/^failed/);
    expect(await ask(port)).toBe('https localhost anonymous');
  });

  test('shows a challenge to who asks for it by protocol and name, and to nobody else', async () => {
    const proof = authority.issue({ dnsNames: ['shop.example'] });
    const { port, server } = await tlsServer({
      challenge: (name) => (name === 'shop.example' ? proof : undefined),
      http2: true,
    });
    const acme = { ALPNProtocols: ['acme-tls/1'], servername: 'shop.example' };
    const asked = await secure(port, acme);
    expect(asked.socket.alpnProtocol).toBe('acme-tls/1');
    expect(asked.socket.getPeerCertificate().subjectaltname).toBe('DNS:shop.example');
    await asked.untilClosed();
    expect(await ask(port, { ...acme, servername: 'other.example' })).toMatch(/^failed/);
    expect(await ask(port)).toBe('https localhost anonymous');
    const both = await ask(port, { ALPNProtocols: ['acme-tls/1', 'http/1.1'] });
    expect(both).toBe('https localhost anonymous');
    server.setTls(credentials);
    expect(await ask(port, acme)).toMatch(/^failed/);
  });

  test('plain text is no handshake', async () => {
    const { port, server } = await tlsServer();
    const received = await peers.exchange(port, request);
    expect(statusesOf(received)).toEqual([]);
    expect(server.stats).toMatchObject({ requests: 0, rejected: 1 });
  });
});

describe('client certificates', () => {
  const required = (): Partial<ServerTls> => ({ clientCertificate: 'required', ca: authority.bundle });
  const asClient = ({ certificate, key }: TlsCredentials): ConnectionOptions => ({ cert: certificate, key });

  test('required: only those of the bundle come in', async () => {
    const { port, server } = await tlsServer(required());
    const ours = authority.issue({ uris: ['spiffe://shop.example/orders'] });
    const theirs = stranger.issue({ uris: ['spiffe://shop.example/orders'] });
    expect(await ask(port, asClient(ours))).toBe('https localhost URI:spiffe://shop.example/orders');
    expect(await ask(port, asClient(theirs))).not.toContain('https');
    expect(await ask(port)).not.toContain('https');
    expect(server.stats.requests).toBe(1);
  });

  test('not asked for: a stranger comes in as anybody does', async () => {
    const { port } = await tlsServer();
    expect(await ask(port, asClient(stranger.issue({ dnsNames: ['x'] })))).toBe('https localhost anonymous');
  });

  test('optional: none is fine, a wrong one is not', async () => {
    const { port } = await tlsServer({ clientCertificate: 'optional', ca: authority.bundle });
    expect(await ask(port)).toBe('https localhost anonymous');
    expect(await ask(port, asClient(authority.issue({ dnsNames: ['x'] })))).toBe('https localhost DNS:x');
    expect(await ask(port, asClient(stranger.issue({ dnsNames: ['x'] })))).not.toContain('https');
  });

  test('verifyPeer has the last word, and sees the chain', async () => {
    const chains: number[] = [];
    const { port, server } = await tlsServer({
      ...required(),
      verifyPeer: (chain) => {
        chains.push(chain.length);
        const { subjectAltName } = new X509Certificate(chain[0] as Buffer);
        return subjectAltName === 'URI:spiffe://shop.example/a' ? undefined : new Error('another workload');
      },
    });
    expect(await ask(port, asClient(authority.issue({ uris: ['spiffe://shop.example/a'] })))).toContain('/a');
    expect(await ask(port, asClient(authority.issue({ uris: ['spiffe://shop.example/b'] })))).not.toContain('https');
    expect(chains).toEqual([2, 2]);
    expect(server.stats).toMatchObject({ requests: 1, rejected: 1 });
  });

  test('no session is resumed past the check of its certificate', async () => {
    const ours = asClient(authority.issue({ dnsNames: ['x'] }));
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const { port } = await tlsServer(required());
      const first = await secure(port, { ...ours, maxVersion });
      const sessions: Buffer[] = [];
      first.socket.on('session', (session) => void sessions.push(session));
      first.send(request);
      await first.until('200 OK');
      const session = sessions.at(-1) ?? first.socket.getSession();
      const second = await secure(port, { ...ours, maxVersion, ...(session === undefined ? {} : { session }) });
      expect(second.socket.isSessionReused()).toBe(false);
    }
  });
});

describe('TLS toward an upstream', () => {
  /** Our gateway in plain text before a TLS service. */
  async function gatewayTo(port: number, tls: Parameters<Peers['upstream']>[1]) {
    const upstream = peers.upstream(port, tls);
    return peers.server({ onRequest: (seen, reply) => upstream.forward(seen, reply) });
  }

  test('verifies the chain and the name', async () => {
    const { port } = await tlsServer();
    const trusting = await gatewayTo(port, { tls: { ca: () => authority.bundle } });
    expect(await peers.exchange(trusting.port, request)).toContain('https - anonymous');
    for (const tls of [
      { ca: () => stranger.bundle },
      { ca: () => authority.bundle, servername: 'other.example' },
      {},
    ]) {
      const wary = await gatewayTo(port, { tls });
      const received = await peers.exchange(wary.port, request);
      expect(statusesOf(received)).toEqual([502]);
      expect(received).toContain('net.upstream-tls');
    }
  });

  test('presents the present credentials, and lets verifyPeer decide in place of the name', async () => {
    const { port } = await tlsServer({ clientCertificate: 'required', ca: authority.bundle });
    let own = authority.issue({ uris: ['spiffe://shop.example/one'] });
    let expected = 'localhost';
    const tls = {
      ca: () => authority.bundle,
      credentials: () => own,
      verifyPeer: (chain: readonly Buffer[]) => {
        const { subjectAltName } = new X509Certificate(chain[0] as Buffer);
        return subjectAltName?.includes(expected) ? undefined : new Error('another workload');
      },
    };
    const { port: front } = await gatewayTo(port, { tls, limits: { idleConnections: 1, idleTimeMs: 1 } });
    expect(await peers.exchange(front, request)).toContain('spiffe://shop.example/one');
    own = authority.issue({ uris: ['spiffe://shop.example/two'] });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await peers.exchange(front, request)).toContain('spiffe://shop.example/two');
    expected = 'another';
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await peers.exchange(front, request)).toContain('net.upstream-peer');
  });

  test('broken credentials are a failure of the upstream, not of the process', async () => {
    const { port } = await tlsServer();
    const tls = { ca: () => authority.bundle, credentials: () => ({ certificate: 'x', key: 'y' }) };
    const { port: front } = await gatewayTo(port, { tls });
    expect(await peers.exchange(front, request)).toContain('net.upstream-tls');
  });
});
