import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCertificate } from './certificate.ts';
import { createTrustAnchors, verifyChain } from './chain.ts';
import { mintDevelopmentCa, mintServerCertificate } from './development.ts';
import { addressBytes } from './general-names.ts';
import { type CertificateRequest, encodeName, type Issuer, issueCertificate, issuerOf } from './issue.ts';
import { generateSigningKey, thumbprint } from './jwk.ts';
import { exportPublicKey, generateKeyPair, type KeyKind, keyIdentifier } from './keys.ts';
import { formatPem, parseCertificatesPem } from './pem.ts';

const nowMs = Date.UTC(2026, 5, 1);
const hourMs = 3_600_000;

function authority(kind: KeyKind = 'P-256', change: Partial<CertificateRequest> = {}) {
  const { privateKey, publicKey } = generateKeyPair(kind);
  const spki = exportPublicKey(publicKey);
  const name = encodeName({ organization: 'example.org', commonName: `root ${kind}` });
  const own: Issuer = { name, privateKey, keyId: keyIdentifier(spki) };
  const der = issueCertificate({
    subject: name,
    publicKey: spki,
    issuer: own,
    notBeforeMs: nowMs - hourMs,
    notAfterMs: nowMs + hourMs,
    ca: { pathLength: 1 },
    keyUsage: ['keyCertSign', 'cRLSign'],
    ...change,
  });
  return { der, issuer: issuerOf(parseCertificate(der), privateKey), privateKey };
}

function leafOf(issuer: Issuer, change: Partial<CertificateRequest> = {}): Buffer {
  return issueCertificate({
    subject: encodeName({}),
    publicKey: exportPublicKey(generateKeyPair('P-256').publicKey),
    issuer,
    notBeforeMs: nowMs - hourMs,
    notAfterMs: nowMs + hourMs,
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: ['serverAuth', 'clientAuth'],
    altNames: {
      uris: ['spiffe://example.org/a'],
      dnsNames: ['a.example.org'],
      addresses: ['192.0.2.1', '2001:db8::1'],
    },
    ...change,
  });
}

const verdict = (chain: readonly Uint8Array[], root: Uint8Array, at = nowMs) => {
  const result = verifyChain(chain, createTrustAnchors([root]), { nowMs: at, purposes: ['serverAuth', 'clientAuth'] });
  return result.ok ? 'ok' : result.code;
};

describe('issuing', () => {
  it.each(['P-256', 'P-384', 'Ed25519'] as const)('gives what Node reads and verifies, with a %s authority', (kind) => {
    const root = authority(kind);
    const leaf = new X509Certificate(leafOf(root.issuer));
    const anchor = new X509Certificate(root.der);
    expect(leaf.verify(anchor.publicKey)).toBe(true);
    expect(leaf.checkIssued(anchor)).toBe(true);
    expect([anchor.ca, leaf.ca]).toEqual([true, false]);
    expect(leaf.subjectAltName).toBe(
      'URI:spiffe://example.org/a, DNS:a.example.org, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1',
    );
    expect(leaf.keyUsage?.toSorted()).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    expect([leaf.validFromDate.getTime(), leaf.validToDate.getTime()]).toEqual([nowMs - hourMs, nowMs + hourMs]);
    expect(verdict([leaf.raw], root.der)).toBe('ok');
  });

  it('gives what OpenSSL’s own strict check accepts', () => {
    const folder = mkdtempSync(join(tmpdir(), 'x509-'));
    try {
      const root = authority();
      const at = Math.floor(nowMs / 1000);
      writeFileSync(join(folder, 'root.pem'), formatPem('CERTIFICATE', root.der));
      writeFileSync(join(folder, 'leaf.pem'), formatPem('CERTIFICATE', leafOf(root.issuer)));
      const args = ['verify', '-x509_strict', '-attime', String(at), '-CAfile', 'root.pem', 'leaf.pem'];
      const { stdout, stderr, error } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
      if (error === undefined) expect(stdout + stderr).toBe('leaf.pem: OK\n');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('refuses a life that ends before it begins, and an issuer that is no authority', () => {
    const root = authority();
    expect(() => leafOf(root.issuer, { notAfterMs: nowMs - 2 * hourMs })).toThrow();
    expect(() => issuerOf(parseCertificate(leafOf(root.issuer)), root.privateKey)).toThrow(
      expect.objectContaining({ code: 'x509.not-a-ca' }),
    );
  });

  it('encodes addresses as Node understands them', () => {
    expect(addressBytes('2001:db8::1').toString('hex')).toBe('20010db8000000000000000000000001');
    expect(addressBytes('::').toString('hex')).toBe('0'.repeat(32));
    expect(addressBytes('::ffff:192.0.2.1').toString('hex')).toBe('00000000000000000000ffffc0000201');
    expect(addressBytes('1:2:3:4:5:6:7::').toString('hex')).toBe('00010002000300040005000600070000');
    for (const bad of ['256.1.1.1', 'example.org', 'fe80::1%eth0', '']) expect(() => addressBytes(bad)).toThrow();
  });
});

describe('judging a chain', () => {
  const root = authority();
  const intermediate = (change: Partial<CertificateRequest> = {}) => {
    const { privateKey, publicKey } = generateKeyPair('P-256');
    const request = { publicKey: exportPublicKey(publicKey), subject: encodeName({ commonName: 'intermediate' }) };
    const under: Partial<CertificateRequest> = { ca: { pathLength: 0 }, keyUsage: ['keyCertSign'] };
    const plain = { altNames: { uris: ['spiffe://example.org'] }, extendedKeyUsage: [] };
    const der = leafOf(root.issuer, { ...plain, ...request, ...under, ...change });
    const issuer = { name: request.subject, privateKey, keyId: keyIdentifier(request.publicKey) };
    return { der, issuer };
  };

  it('accepts one through an intermediate, and refuses it without, or under another root', () => {
    const middle = intermediate();
    const leaf = leafOf(middle.issuer);
    expect(verdict([leaf, middle.der], root.der)).toBe('ok');
    expect(verdict([leaf], root.der)).toBe('x509.untrusted');
    expect(verdict([leaf, middle.der], authority().der)).toMatch(/x509\.(untrusted|signature)/);
    expect(verdict([], root.der)).toBe('x509.untrusted');
  });

  it('refuses before and after its time, at every level', () => {
    const leaf = leafOf(root.issuer);
    expect(verdict([leaf], root.der, nowMs + hourMs)).toBe('ok');
    expect(verdict([leaf], root.der, nowMs + hourMs + 1)).toBe('x509.expired');
    expect(verdict([leaf], root.der, nowMs - hourMs - 1)).toBe('x509.not-yet-valid');
    const old = intermediate({ notAfterMs: nowMs - 1000 });
    expect(verdict([leafOf(old.issuer), old.der], root.der)).toBe('x509.expired');
  });

  it('refuses an issuer that is a leaf, or may not sign certificates', () => {
    const { privateKey, publicKey } = generateKeyPair('P-256');
    const [spki, name] = [exportPublicKey(publicKey), encodeName({ commonName: 'fake' })];
    const fake = {
      der: leafOf(root.issuer, { subject: name, publicKey: spki }),
      issuer: { name, privateKey, keyId: keyIdentifier(spki) },
    };
    expect(verdict([leafOf(fake.issuer), fake.der], root.der)).toBe('x509.not-a-ca');
    const idle = intermediate({ keyUsage: ['cRLSign'] });
    expect(verdict([leafOf(idle.issuer), idle.der], root.der)).toBe('x509.key-usage');
  });

  it('refuses an authority as a leaf, and a leaf for the wrong purpose or that may not sign', () => {
    expect(verdict([intermediate().der], root.der)).toBe('x509.key-usage');
    expect(verdict([leafOf(root.issuer, { extendedKeyUsage: ['serverAuth'] })], root.der)).toBe(
      'x509.extended-key-usage',
    );
    expect(verdict([leafOf(root.issuer, { keyUsage: ['keyAgreement'] })], root.der)).toBe('x509.key-usage');
  });

  it('refuses weak keys', () => {
    const spki = (key: ReturnType<typeof generateKeyPairSync>['publicKey']) => exportPublicKey(key);
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
    const odd = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey;
    for (const key of [small, odd])
      expect(verdict([leafOf(root.issuer, { publicKey: spki(key) })], root.der)).toBe('x509.weak-key');
  });

  it('refuses more signatures than a chain can need, in little time', () => {
    const many = Array.from(
      { length: 9 },
      () => intermediate({ subject: encodeName({ commonName: 'intermediate' }) }).der,
    );
    expect(verdict([leafOf(intermediate().issuer), ...many], root.der)).toMatch(/^x509\./);
    expect(
      verdict(
        Array.from({ length: 11 }, () => leafOf(root.issuer)),
        root.der,
      ),
    ).toBe('x509.chain-too-long');
  });

  it('notices any single changed byte of leaf or intermediate', () => {
    const middle = intermediate();
    const chain = [leafOf(middle.issuer), middle.der];
    const total = chain.reduce((sum, { length }) => sum + length, 0);
    fc.assert(
      fc.property(fc.nat(total - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const [a, b] = chain.map((der) => Buffer.from(der)) as [Buffer, Buffer];
        const [target, offset] = at < a.length ? [a, at] : [b, at - a.length];
        target[offset] = (target[offset] as number) ^ flip;
        return verdict([a, b], root.der) !== 'ok';
      }),
      { numRuns: 500 },
    );
  });
});

describe('development certificates', () => {
  it('serve TLS to a client that trusts the authority and to no other', async () => {
    const ca = mintDevelopmentCa(Date.now());
    const minted = mintServerCertificate(ca, { hosts: ['localhost', '127.0.0.1', '::1'], nowMs: Date.now() });
    const server = createServer({ cert: minted.certificatePem, key: minted.privateKeyPem }, (socket) =>
      socket.end('hello'),
    );
    server.on('tlsClientError', () => undefined);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const ask = (options: object) =>
      new Promise<string>((resolve) => {
        const socket = connect({ port, host: '127.0.0.1', ...options });
        socket.on('data', (chunk) => resolve(chunk.toString()));
        socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      });
    expect(await ask({ ca: ca.certificatePem })).toBe('hello');
    expect(await ask({ ca: ca.certificatePem, servername: 'localhost' })).toBe('hello');
    expect(await ask({ ca: ca.certificatePem, servername: 'evil.example' })).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    expect(await ask({ ca: mintDevelopmentCa(Date.now()).certificatePem })).not.toBe('hello');
    server.close();
  });

  it('last 90 days, and never longer than the authority', () => {
    const ca = mintDevelopmentCa(nowMs);
    const days = (ms: number) => (ms - nowMs) / 86_400_000;
    expect(days(mintServerCertificate(ca, { hosts: ['localhost'], nowMs }).notAfterMs)).toBe(90);
    const late = mintServerCertificate(ca, { hosts: ['localhost'], nowMs: nowMs + 300 * 86_400_000 });
    expect(days(late.notAfterMs)).toBe(365);
    expect(parseCertificatesPem(late.certificatePem)).toHaveLength(2);
    expect(() => mintServerCertificate(ca, { hosts: ['localhost'], nowMs: nowMs + 366 * 86_400_000 })).toThrow();
  });
});

describe('signing keys', () => {
  it('are named by their thumbprint', async () => {
    for (const kind of ['P-256', 'P-384', 'Ed25519'] as const) {
      const key = await generateSigningKey(kind);
      expect(key.kid).toBe(await thumbprint(key.publicJwk));
      expect(key.kid).toMatch(/^[\w-]{43}$/);
      expect(key.publicJwk).not.toHaveProperty('d');
    }
    await expect(thumbprint({ kty: 'nonsense' })).rejects.toMatchObject({ code: 'key.unsupported' });
  });
});
