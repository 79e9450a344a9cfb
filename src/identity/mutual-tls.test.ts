import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { createTestAuthority, type HeldSvid, type TestAuthority } from '../../test/fakes/identity.ts';
import { systemClock } from '../core/clock.ts';
import {
  encodeName,
  exportPublicKey,
  formatCertificatesPem,
  importPrivateKey,
  issueCertificate,
  issuerOf,
  parseCertificate,
} from '../crypto/index.ts';
import { type Bundles, compileBundles } from './bundle.ts';
import { verifyX509Svid } from './verify-x509.ts';

const orders = 'spiffe://shop.example/service/orders';
const payments = 'spiffe://shop.example/service/payments';

interface End {
  readonly chain?: string;
  readonly key?: string;
}

function presented(socket: TLSSocket): Buffer[] {
  const chain: Buffer[] = [];
  let at: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (at?.raw !== undefined && !chain.some((der) => der.equals(at?.raw as Buffer))) {
    chain.push(at.raw);
    at = at.issuerCertificate;
  }
  return chain;
}

const said = (bundles: Bundles, socket: TLSSocket): string => {
  const verdict = verifyX509Svid(presented(socket), bundles, systemClock.now());
  return 'spiffeId' in verdict ? verdict.spiffeId : verdict.code;
};

/** Shakes hands over real sockets; what each end thinks of the other. */
async function shake(server: End, client: End, bundles: Bundles): Promise<{ server: string; client: string }> {
  const own = { cert: server.chain, key: server.key, minVersion: 'TLSv1.3' } as const;
  const listener = createServer({ ...own, requestCert: true, rejectUnauthorized: false });
  listener.on('secureConnection', (socket) => socket.on('error', () => undefined).end(said(bundles, socket)));
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const { port } = listener.address() as AddressInfo;
  const offered = client.chain === undefined ? {} : { cert: client.chain, key: client.key };
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...offered });
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString();
  });
  await once(socket, 'secureConnect');
  const thought = said(bundles, socket);
  await once(socket, 'close');
  listener.close();
  return { server: answer, client: thought };
}

/** A leaf straight from the authority's stored intermediate, as whoever stole it could make. */
async function forge(authority: TestAuthority, holder: HeldSvid, change: object): Promise<End> {
  const entry = await authority.store.get('identity/shop.example/authorities');
  const { x509 } = JSON.parse(Buffer.from(entry?.value ?? []).toString());
  const [certificate, key] = [x509[0].intermediate.certificate, x509[0].intermediate.privateKey].map((text: string) =>
    Buffer.from(text, 'base64'),
  );
  const intermediate = parseCertificate(certificate as Buffer);
  const leaf = issueCertificate({
    subject: encodeName({ commonName: 'forged' }),
    publicKey: exportPublicKey(holder.keys.publicKey),
    issuer: issuerOf(intermediate, importPrivateKey(key as Buffer)),
    notBeforeMs: systemClock.now() - 60_000,
    notAfterMs: systemClock.now() + 60_000,
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: ['serverAuth', 'clientAuth'],
    altNames: { uris: [orders] },
    ...change,
  });
  return { chain: formatCertificatesPem([leaf, intermediate.der]), key: holder.key };
}

describe('mutual TLS', async () => {
  const authority = await createTestAuthority(systemClock);
  const stranger = await createTestAuthority(systemClock, 'other.example');
  const bundles = compileBundles([await authority.bundle()]);
  const [client, server] = [await authority.issue(orders), await authority.issue(payments)];
  const cases: [string, () => Promise<End>, string][] = [
    ['a valid SVID', async () => client, orders],
    ['an expired SVID', () => authority.issue(orders, { notAfterMs: systemClock.now() - 1000 }), 'x509.expired'],
    ['a foreign trust domain', () => stranger.issue('spiffe://other.example/a'), 'identity.foreign-trust-domain'],
    [
      'the wrong purpose',
      () => forge(authority, client, { extendedKeyUsage: ['serverAuth'] }),
      'x509.extended-key-usage',
    ],
    ['two URIs', () => forge(authority, client, { altNames: { uris: [orders, payments] } }), 'identity.not-an-svid'],
    ['no alternative name', () => forge(authority, client, { altNames: {} }), 'identity.not-an-svid'],
    ['a DNS name only', () => forge(authority, client, { altNames: { dnsNames: ['orders'] } }), 'identity.not-an-svid'],
    ['a good one, forged or not', () => forge(authority, client, {}), orders],
  ];

  it.each(cases)('a client with %s', async (_, present, expected) => {
    expect(await shake(server, await present(), bundles)).toEqual({ server: expected, client: payments });
  });

  it.each(cases)('a server with %s', async (_, present, expected) => {
    expect(await shake(await present(), client, bundles)).toEqual({ server: orders, client: expected });
  });

  it('a client without a certificate', async () => {
    expect(await shake(server, {}, bundles)).toEqual({ server: 'identity.not-an-svid', client: payments });
  });

  it('an impostor of our trust domain, issued by a root of its own', async () => {
    const impostor = await createTestAuthority(systemClock);
    expect(await shake(server, await impostor.issue(orders), bundles)).toMatchObject({
      server: expect.stringMatching(/^x509\.(untrusted|signature)$/),
    });
  });

  it('OpenSSL’s own verification against the bundle agrees', async () => {
    const { pem: ca } = await authority.bundle();
    const trusts = async (svid: HeldSvid): Promise<boolean> => {
      const listener = createServer({
        cert: server.chain,
        key: server.key,
        ca,
        requestCert: true,
        rejectUnauthorized: false,
      });
      const judged = once(listener, 'secureConnection') as Promise<[TLSSocket]>;
      await once(listener.listen(0, '127.0.0.1'), 'listening');
      const { port } = listener.address() as AddressInfo;
      const socket = connect({
        port,
        host: '127.0.0.1',
        ca,
        cert: svid.chain,
        key: svid.key,
        checkServerIdentity: () => undefined,
      });
      const [seen] = await judged;
      const { authorized } = seen;
      socket.destroy();
      seen.destroy();
      listener.close();
      return authorized;
    };
    expect(await trusts(client)).toBe(true);
    expect(await trusts(await authority.issue(orders, { notAfterMs: systemClock.now() - 1000 }))).toBe(false);
    expect(await trusts(await stranger.issue('spiffe://other.example/a'))).toBe(false);
  });

  it('old and new SVIDs on both sides, all through a staged rotation', async () => {
    const rotating = await createTestAuthority(systemClock);
    const [oldId] = (await rotating.authorities()).map(({ id }) => id) as [string];
    const [oldOrders, oldPayments] = [await rotating.issue(orders), await rotating.issue(payments)];
    await rotating.prepare('x509');
    await rotating.activate('x509');
    const [newOrders, newPayments] = [await rotating.issue(orders), await rotating.issue(payments)];
    const both = { server: orders, client: payments };
    const during = compileBundles([await rotating.bundle()]);
    for (const one of [oldPayments, newPayments])
      for (const other of [oldOrders, newOrders]) expect(await shake(one, other, during)).toEqual(both);
    await rotating.taint('x509', oldId);
    await rotating.revoke('x509', oldId);
    const after = compileBundles([await rotating.bundle()]);
    expect(await shake(newPayments, newOrders, after)).toEqual(both);
    expect(await shake(newPayments, oldOrders, after)).toEqual({ server: 'x509.untrusted', client: payments });
  });
});
