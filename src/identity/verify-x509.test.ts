import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { createTestAuthority, type HeldSvid } from '../../test/fakes/identity.ts';
import type { Protection } from '../api/protections.ts';
import {
  type CertificateRequest,
  encodeName,
  exportPublicKey,
  formatCertificatesPem,
  generateKeyPair,
  issueCertificate,
  keyIdentifier,
} from '../crypto/index.ts';
import { bundleFromPem, compileBundles } from './bundle.ts';
import { createSvidVerifier, verifyX509Svid } from './verify-x509.ts';

const nowMs = Date.UTC(2026, 0, 1);
const hour = 3_600_000;
const orders = 'spiffe://shop.example/service/orders';

/** A root that issues whatever it is asked to, as a stolen or careless one would. */
function carelessRoot() {
  const { privateKey, publicKey } = generateKeyPair('P-256');
  const spki = exportPublicKey(publicKey);
  const issuer = {
    name: encodeName({ commonName: randomBytes(4).toString('hex') }),
    privateKey,
    keyId: keyIdentifier(spki),
  };
  const life = { notBeforeMs: nowMs - hour, notAfterMs: nowMs + hour };
  const root = issueCertificate({
    subject: issuer.name,
    publicKey: spki,
    issuer,
    ...life,
    ca: { pathLength: 1 },
    keyUsage: ['keyCertSign'],
  });
  const leaf = (change: Partial<CertificateRequest> = {}) =>
    issueCertificate({
      subject: encodeName({ commonName: 'leaf' }),
      publicKey: exportPublicKey(generateKeyPair('P-256').publicKey),
      issuer,
      ...life,
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: ['serverAuth', 'clientAuth'],
      altNames: { uris: [orders] },
      ...change,
    });
  return { leaf, bundles: compileBundles([bundleFromPem('shop.example', formatCertificatesPem([root]))]) };
}

describe('verifying X.509-SVIDs', () => {
  const { leaf, bundles } = carelessRoot();
  const verdict = (chain: Uint8Array[]) => {
    const result = verifyX509Svid(chain, bundles, nowMs);
    return 'spiffeId' in result ? result.spiffeId : result.code;
  };

  it.each<[string, Partial<CertificateRequest>, string]>([
    ['one good URI', {}, orders],
    [
      'other names beside it',
      { altNames: { uris: [orders], dnsNames: ['orders.shop.example'], addresses: ['10.0.0.1'] } },
      orders,
    ],
    ['two URIs', { altNames: { uris: [orders, 'spiffe://shop.example/service/payments'] } }, 'identity.not-an-svid'],
    ['the same URI twice', { altNames: { uris: [orders, orders] } }, 'identity.not-an-svid'],
    ['no URI', { altNames: { dnsNames: ['orders.shop.example'] } }, 'identity.not-an-svid'],
    ['no name at all', { altNames: {} }, 'identity.not-an-svid'],
    [
      'a URI that is no SPIFFE ID',
      { altNames: { uris: ['https://shop.example/service/orders'] } },
      'identity.not-an-svid',
    ],
    [
      'a SPIFFE ID in disguise',
      { altNames: { uris: ['spiffe://shop.example/service/../merlon/control'] } },
      'identity.not-an-svid',
    ],
    ['no path', { altNames: { uris: ['spiffe://shop.example'] } }, 'identity.not-an-svid'],
    [
      'a trust domain without bundle',
      { altNames: { uris: ['spiffe://other.example/a'] } },
      'identity.foreign-trust-domain',
    ],
    ['a URI with a NUL', { altNames: { uris: ['spiffe://shop.example/a%00'] } }, 'identity.not-an-svid'],
    ['server authentication only', { extendedKeyUsage: ['serverAuth'] }, 'x509.extended-key-usage'],
    ['client authentication only', { extendedKeyUsage: ['clientAuth'] }, 'x509.extended-key-usage'],
    ['no purposes', { extendedKeyUsage: [] }, orders],
    [
      'an authority’s flag',
      { ca: { pathLength: 0 }, keyUsage: ['digitalSignature', 'keyCertSign'] },
      'identity.not-an-svid',
    ],
    ['a key for certificates', { keyUsage: ['digitalSignature', 'keyCertSign'] }, 'identity.not-an-svid'],
    ['a key for revocation lists', { keyUsage: ['digitalSignature', 'cRLSign'] }, 'identity.not-an-svid'],
    ['a key that may not sign', { keyUsage: ['keyAgreement'] }, 'identity.not-an-svid'],
    ['an end in the past', { notAfterMs: nowMs - 1000 }, 'x509.expired'],
    ['a beginning in the future', { notBeforeMs: nowMs + 1000 }, 'x509.not-yet-valid'],
  ])('%s', (_, change, expected) => {
    expect(verdict([leaf(change)])).toBe(expected);
  });

  it('refuses a stranger’s signature under our name, garbage, and nothing', () => {
    expect(verdict([carelessRoot().leaf()])).toBe('x509.untrusted');
    expect(verdict([Buffer.from('garbage')])).toBe('x509.malformed');
    expect(verdict([leaf(), Buffer.from('garbage')])).toBe('x509.malformed');
    expect(verdict([])).toBe('identity.not-an-svid');
  });

  it('believes a federated trust domain by its own bundle alone', async () => {
    const clock = new ManualClock(nowMs);
    const [ours, theirs] = [await createTestAuthority(clock), await createTestAuthority(clock, 'other.example')];
    const both = compileBundles([await ours.bundle(), await theirs.bundle()]);
    const { chainDer } = await theirs.issue('spiffe://other.example/a');
    expect(verifyX509Svid(chainDer, both, nowMs)).toMatchObject({ spiffeId: 'spiffe://other.example/a' });
    const swapped = new Map([
      ['shop.example', both.get('other.example') as never],
      ['other.example', both.get('shop.example') as never],
    ]);
    expect(verifyX509Svid(chainDer, swapped, nowMs)).toMatchObject({ code: 'x509.untrusted' });
  });

  it.each<[Protection, (chains: { expired: HeldSvid; foreign: HeldSvid }) => HeldSvid, string]>([
    ['mesh.expiry', ({ expired }) => expired, 'x509.expired'],
    ['mesh.trust-domain', ({ foreign }) => foreign, 'identity.foreign-trust-domain'],
  ])('lets an attack through with %s off, and none other', async (protection, pick, code) => {
    const clock = new ManualClock(nowMs);
    const authority = await createTestAuthority(clock);
    const stranger = await createTestAuthority(clock, 'other.example');
    const ours = compileBundles([await authority.bundle()]);
    const chains = {
      expired: await authority.issue(orders, { notAfterMs: nowMs - 1000 }),
      foreign: await stranger.issue('spiffe://other.example/service/orders'),
    };
    const { chainDer, spiffeId } = pick(chains);
    expect(verifyX509Svid(chainDer, ours, nowMs)).toMatchObject({ code });
    expect(verifyX509Svid(chainDer, ours, nowMs, { weaknesses: new Set([protection]) })).toMatchObject({ spiffeId });
    for (const other of Object.values(chains).filter((one) => one.spiffeId !== spiffeId))
      expect(verifyX509Svid(other.chainDer, ours, nowMs, { weaknesses: new Set([protection]) })).toHaveProperty('code');
  });
});

describe('a verifier for connections', () => {
  it('remembers whom it believed, but not beyond the end of the SVID or a change of bundles', async () => {
    const clock = new ManualClock(nowMs);
    const authority = await createTestAuthority(clock);
    let bundles = compileBundles([await authority.bundle()]);
    const verify = createSvidVerifier({ clock, bundles: () => bundles });
    const { chainDer } = await authority.issue(orders);
    const first = verify(chainDer);
    expect(first).toMatchObject({ spiffeId: orders });
    expect(verify(chainDer)).toBe(first);
    clock.advance(hour);
    expect(verify(chainDer)).toBe(first);
    clock.advance(1);
    expect(verify(chainDer)).toMatchObject({ code: 'x509.expired' });

    const fresh = await authority.issue(orders);
    expect(verify(fresh.chainDer)).toMatchObject({ spiffeId: orders });
    bundles = compileBundles([]);
    expect(verify(fresh.chainDer)).toMatchObject({ code: 'identity.foreign-trust-domain' });
    expect(verify([])).toHaveProperty('code');
  });

  it('knows a leaf again on another connection, and forgets it by the same rules', async () => {
    const clock = new ManualClock(nowMs);
    const authority = await createTestAuthority(clock);
    let bundles = compileBundles([await authority.bundle()]);
    const verify = createSvidVerifier({ clock, bundles: () => bundles });
    const { chainDer } = await authority.issue(orders);
    const onAnother = (): Buffer[] => chainDer.map((der) => Buffer.from(der));
    const first = verify(chainDer);
    expect(verify(onAnother())).toBe(first);
    const [leaf] = onAnother() as [Buffer];
    leaf[leaf.length - 1] = (leaf.at(-1) as number) ^ 1;
    expect(verify([leaf, ...chainDer.slice(1)])).toHaveProperty('code');
    bundles = compileBundles([]);
    expect(verify(onAnother())).toMatchObject({ code: 'identity.foreign-trust-domain' });
    bundles = compileBundles([await authority.bundle()]);
    expect(verify(onAnother())).toMatchObject({ spiffeId: orders });
    clock.advance(hour + 1);
    expect(verify(onAnother())).toMatchObject({ code: 'x509.expired' });
  });
});
