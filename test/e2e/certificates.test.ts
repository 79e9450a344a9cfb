// The public port's certificate from a real certificate authority, its plain port, and what changes while requests run.
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { Agent } from 'node:https';
import { createConnection } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createTlsAuthority } from '../fakes/certificates.ts';
import { freePort, hasPebble, type Pebble, startPebble } from '../fakes/pebble.ts';
import { keepAlive } from './caller.ts';
import { type Platform, startPlatform, until } from './platform.ts';

// Answered by the gateway itself, without a credential: 401.
const answered = '/api/orders';
const sockets: TLSSocket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** A handshake; gives the socket when it stands. */
function handshake(port: number, options: object): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options }, () => resolve(socket));
    sockets.push(socket);
    socket.once('error', reject);
  });
}

const issuerOf = async (port: number, servername: string): Promise<string> =>
  (await handshake(port, { servername })).getPeerCertificate().issuer.CN as string;

function plain(port: number, path: string, host: string): Promise<{ status: number; location: string; text: string }> {
  return new Promise((resolve, reject) => {
    const call = request({ port, host: '127.0.0.1', path, headers: { host } }, (response: IncomingMessage) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, location: response.headers.location ?? '', text }),
      );
    });
    call.once('error', reject);
    call.end();
  });
}

describe.runIf(hasPebble).each(['http-01', 'tls-alpn-01'])('a certificate by ACME, proven by %s', (challenge) => {
  let platform: Platform;
  let pebble: Pebble;
  let redirectPort: number;

  beforeAll(async () => {
    redirectPort = await freePort();
    platform = await startPlatform({
      edit: (text) => {
        return text
          .replace('  certificate: development\n', '')
          .replace(
            /^gateway:\n/m,
            `gateway:\n  redirect: http://127.0.0.1:${redirectPort}\n  certificate: acme\n  acme: { termsAgreed: true, directory: 'https://127.0.0.1:1/dir', domains: [shop.example], challenge: ${challenge}, ca: roots.pem }\n`,
          );
      },
      files: { 'roots.pem': createTlsAuthority('nobody yet').bundle },
    });
    pebble = await startPebble({ httpPort: redirectPort, tlsPort: platform.port });
    pebble.dns.addresses.set('shop.example', ['127.0.0.1']);
  }, 90_000);
  afterAll(async () => {
    await pebble?.stop();
    await platform?.stop();
  }, 60_000);

  it('is put in force without a gap, and says so in the ledger', async () => {
    // Nobody to ask yet: the port is open all the same.
    expect(await issuerOf(platform.port, 'localhost')).toBe('Merlon development CA');
    const agent = keepAlive(platform.ca);
    expect((await platform.call(answered, { agent })).status).toBe(401);
    let over = false;
    const failures: string[] = [];
    const asking = (async () => {
      while (!over) {
        const said = await handshake(platform.port, { servername: 'shop.example' }).then(
          (socket) => void socket.destroy(),
          (error: Error) => error.message,
        );
        if (said !== undefined) failures.push(said);
        const { status } = await platform.call(answered, { agent });
        if (status !== 401) failures.push(`status ${status}`);
      }
    })();
    writeFileSync(`${platform.folder}/roots.pem`, pebble.ca);
    const text = readFileSync(platform.manifest, 'utf8');
    writeFileSync(platform.manifest, text.replace('https://127.0.0.1:1/dir', pebble.directory));
    await until(
      'the new certificate is in force',
      async () => /^Pebble/.test(await issuerOf(platform.port, 'shop.example')),
      30_000,
      platform.output,
    );
    over = true;
    await asking;
    agent.destroy();
    expect(failures).toEqual([]);
    const leaf = (await handshake(platform.port, { servername: 'shop.example' })).getPeerCertificate();
    expect(new X509Certificate(leaf.raw).checkHost('shop.example')).toBe('shop.example');
    const { stdout } = await platform.merlon('audit', 'query', '--principal', 'merlon');
    expect(stdout).toContain('acme.certificate');
    expect(platform.output()).not.toMatch(/PRIVATE KEY/);
  }, 60_000);

  it('sends the plain port to https, to our own names alone', async () => {
    const base = `https://localhost:${platform.port}`;
    expect(await plain(redirectPort, '/api/x?y=1', 'evil.example')).toMatchObject({
      status: 308,
      location: `${base}/api/x?y=1`,
    });
    expect((await plain(redirectPort, '/api', 'shop.example')).location).toBe(
      `https://shop.example:${platform.port}/api`,
    );
    expect((await plain(redirectPort, '/.well-known/acme-challenge/none', 'shop.example')).status).toBe(404);
  });
});

describe('what the edge asks of TLS', () => {
  const ours = createTlsAuthority('ours');
  const theirs = createTlsAuthority('theirs');
  const other = ours.issue({ dnsNames: ['other.example', '*.wild.example'] });
  let platform: Platform;
  let original: string;

  beforeAll(async () => {
    platform = await startPlatform({
      edit: (text) =>
        text.replace(/^gateway:\n/m, 'gateway:\n  workers: 2\n  certificates: [{ cert: other.pem, key: other.key }]\n'),
      files: { 'other.pem': other.certificate, 'other.key': other.key, 'clients.pem': ours.bundle },
    });
    original = readFileSync(platform.manifest, 'utf8');
  }, 90_000);
  afterAll(() => platform?.stop(), 60_000);

  async function change(edit: (text: string) => string): Promise<void> {
    const { snapshot } = await platform.status();
    writeFileSync(platform.manifest, edit(original));
    await until('the new snapshot is everywhere', async () => {
      const status = await platform.status();
      const serving = status.roles.filter(({ role }) => role === 'gateway');
      return status.snapshot !== snapshot && serving.every(({ version }) => version === status.snapshot);
    });
  }
  const withGateway = (lines: string) => (text: string) => text.replace(/^gateway:\n/m, `gateway:\n${lines}`);

  it('shows the certificate of the name that is asked for', async () => {
    expect(await issuerOf(platform.port, 'other.example')).toBe('ours');
    expect(await issuerOf(platform.port, 'a.wild.example')).toBe('ours');
    expect(await issuerOf(platform.port, 'a.b.wild.example')).toBe('Merlon development CA');
    expect(await issuerOf(platform.port, 'localhost')).toBe('Merlon development CA');
  });

  it('resumes a session with whichever worker the connection reaches', async () => {
    const first = await handshake(platform.port, { servername: 'localhost' });
    const session = await new Promise<Buffer>((resolve) => {
      first.once('session', resolve);
      first.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    });
    const reused = await Promise.all(
      Array.from({ length: 20 }, async () =>
        (await handshake(platform.port, { servername: 'localhost', session })).isSessionReused(),
      ),
    );
    expect(reused).toEqual(Array(20).fill(true));
  });

  it('takes another lowest version, other bounds and client certificates while a connection stays', async () => {
    const agent = keepAlive(platform.ca);
    const ask = (): Promise<{ status: number }> => platform.call(answered, { agent });
    expect((await ask()).status).toBe(401);
    await change(withGateway('  tls: { minimum: "1.3" }\n  clientCertificates: { mode: required, ca: clients.pem }\n'));
    await expect(handshake(platform.port, { maxVersion: 'TLSv1.2' })).rejects.toThrow();
    expect((await ask()).status).toBe(401);
    agent.destroy();
    const { certificate, key } = ours.issue({ dnsNames: ['robot.example'] });
    const by = (more: object) => ({ agent: new Agent({ ca: platform.ca, ...more }) });
    const { status, decision } = await platform.call(answered, by({ cert: certificate, key }));
    expect(status).toBe(401);
    expect(await platform.explain(decision)).toContain('robot.example');
    const stranger = theirs.issue({ dnsNames: ['robot.example'] });
    await expect(platform.call('/', by({ cert: stranger.certificate, key: stranger.key }))).rejects.toThrow();
    await expect(platform.call('/', by({}))).rejects.toThrow();
  });

  it('takes the PROXY protocol while it runs, from trusted proxies alone', async () => {
    await change(withGateway('  trustedProxies: [127.0.0.1/32]\n  proxyProtocol: required\n'));
    await expect(handshake(platform.port, { servername: 'localhost' })).rejects.toThrow();
    const raw = createConnection(platform.port, '127.0.0.1');
    raw.write('PROXY TCP4 198.51.100.7 127.0.0.1 4000 443\r\n');
    const socket = await handshake(platform.port, { servername: 'localhost', socket: raw });
    const answer = new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(chunk.toString())));
    socket.write('GET /api/orders HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    const [, decision = ''] = /merlon-decision: (\S+)/i.exec(await answer) ?? [];
    expect(await platform.explain(decision)).toContain('198.51.100.7');
  });
});
