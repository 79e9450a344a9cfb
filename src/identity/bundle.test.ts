import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { createTestAuthority } from '../../test/fakes/identity.ts';
import { bundleFromPem, compileBundles } from './bundle.ts';
import { parseBundleJwks } from './bundle-document.ts';
import { verifyX509Svid } from './verify-x509.ts';

const orders = 'spiffe://shop.example/service/orders';
const malformed = expect.objectContaining({ code: 'identity.bundle-malformed' });

describe('the bundle', () => {
  it('is a SPIFFE bundle document', async () => {
    const authority = await createTestAuthority(new ManualClock());
    const { jwks, x509Authorities, jwtAuthorities } = await authority.bundle();
    expect(jwks).toEqual({
      spiffe_sequence: 1,
      spiffe_refresh_hint: 300,
      keys: [
        {
          kty: 'EC',
          crv: 'P-256',
          x: expect.any(String),
          y: expect.any(String),
          use: 'x509-svid',
          x5c: x509Authorities,
        },
        {
          kty: 'EC',
          crv: 'P-256',
          x: expect.any(String),
          y: expect.any(String),
          use: 'jwt-svid',
          kid: jwtAuthorities[0]?.kid,
        },
      ],
    });
    expect(JSON.stringify(await authority.bundle())).not.toMatch(/"d"|privateKey/);
  });

  it('is read back from the document and from PEM', async () => {
    const clock = new ManualClock();
    const authority = await createTestAuthority(clock);
    const bundle = await authority.bundle();
    const { trustDomain, sequence, refreshHintSeconds, x509Authorities, jwtAuthorities, tainted } = bundle;
    expect(parseBundleJwks('shop.example', JSON.stringify(bundle.jwks))).toEqual({
      trustDomain,
      sequence,
      refreshHintSeconds,
      x509Authorities,
      jwtAuthorities,
      tainted,
    });
    const { chainDer } = await authority.issue(orders);
    const fromPem = compileBundles([bundleFromPem('shop.example', bundle.pem)]);
    expect(verifyX509Svid(chainDer, fromPem, clock.now())).toMatchObject({ spiffeId: orders });
  });

  it('passes over keys that it does not know', () => {
    const keys = [
      { kty: 'EC' },
      { use: 'x509-svid' },
      { kty: 'EC', use: 'x509-svid', x5c: [] },
      { kty: 'EC', use: 'wit-svid' },
      7,
    ];
    expect(parseBundleJwks('shop.example', JSON.stringify({ keys }))).toMatchObject({
      x509Authorities: [],
      jwtAuthorities: [],
    });
  });

  it.each([
    '',
    '{',
    '[]',
    '{}',
    '{"keys":{}}',
    '{"keys":[{"kty":"EC","use":"x509-svid","x5c":["AAAA"]}]}',
    ' '.repeat(2_000_000),
  ])('refuses a document that is none', (text) => {
    expect(() => parseBundleJwks('shop.example', text)).toThrow(malformed);
  });

  it('that holds no keys believes nobody', async () => {
    const clock = new ManualClock();
    const { chainDer } = await (await createTestAuthority(clock)).issue(orders);
    const empty = compileBundles([parseBundleJwks('shop.example', '{"keys":[]}')]);
    expect(verifyX509Svid(chainDer, empty, clock.now())).toMatchObject({ code: 'x509.untrusted' });
  });
});
