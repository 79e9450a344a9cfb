import { decodeJwt, decodeProtectedHeader, SignJWT, UnsecuredJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { createTestAuthority } from '../../test/fakes/identity.ts';
import { generateSigningKey } from '../crypto/control.ts';
import { compileBundles } from './bundle.ts';
import { verifyJwtSvid } from './verify-jwt.ts';

const orders = 'spiffe://shop.example/service/orders';

async function setUp() {
  const clock = new ManualClock();
  const authority = await createTestAuthority(clock);
  const verify = async (token: string, audience = 'payments') =>
    verifyJwtSvid(token, audience, compileBundles([await authority.bundle()]), clock.now()).then(
      ({ spiffeId }) => spiffeId,
      (error: { code: string }) => error.code,
    );
  return { clock, authority, verify };
}

describe('JWT-SVID', () => {
  it('names subject, audience and end, and nothing in its header that the standard does not know', async () => {
    const { clock, authority, verify } = await setUp();
    const { token, expiresAtMs } = await authority.issueJwtSvid({ spiffeId: orders, audience: ['payments'] });
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256', kid: expect.any(String), typ: 'JWT' });
    expect(decodeJwt(token)).toMatchObject({ sub: orders, aud: ['payments'], exp: expiresAtMs / 1000 });
    expect(expiresAtMs).toBe(clock.now() + 300_000);
    expect(await verify(token)).toBe(orders);
  });

  it('is refused for another audience, after its end, and from another trust domain', async () => {
    const { clock, authority, verify } = await setUp();
    const { token } = await authority.issueJwtSvid({ spiffeId: orders, audience: ['payments'], ttlSeconds: 10 });
    expect(await verify(token, 'catalog')).toBe('identity.jwt-svid-refused');
    const foreign = await createTestAuthority(clock, 'other.example');
    const theirs = await foreign.issueJwtSvid({ spiffeId: 'spiffe://other.example/a', audience: ['payments'] });
    expect(await verify(theirs.token)).toBe('identity.foreign-trust-domain');
    clock.advance(10_000);
    expect(await verify(token)).toBe('identity.jwt-svid-refused');
  });

  it('is refused when it is forged: unsigned, signed by a stranger, changed, or without a claim', async () => {
    const { clock, authority, verify } = await setUp();
    const kid = (await authority.bundle()).jwtAuthorities[0]?.kid as string;
    const stranger = await generateSigningKey('P-256');
    const now = clock.now() / 1000;
    const claims = { sub: orders, aud: 'payments', exp: now + 60 };
    const forged = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid }).sign(stranger.privateKey);
    const unsigned = new UnsecuredJWT(claims).encode();
    const { token } = await authority.issueJwtSvid({ spiffeId: orders, audience: ['payments'] });
    const [head, , tail] = token.split('.');
    const changed = [
      head,
      Buffer.from(JSON.stringify({ ...claims, sub: `${orders}2` })).toString('base64url'),
      tail,
    ].join('.');
    for (const bad of [forged, unsigned, changed, '', 'a.b.c', 'x'.repeat(20_000)])
      expect(await verify(bad)).toBe('identity.jwt-svid-refused');
  });

  it('is issued to no foreign or malformed identity, audience or lifetime', async () => {
    const { authority } = await setUp();
    const issue = (change: object) =>
      authority.issueJwtSvid({ spiffeId: orders, audience: ['a'], ...change }).then(
        () => 'issued',
        ({ code }: { code: string }) => code,
      );
    expect(await issue({ spiffeId: 'spiffe://other.example/a' })).toBe('identity.foreign-trust-domain');
    expect(await issue({ audience: [] })).toBe('identity.invalid-audience');
    expect(await issue({ audience: [''] })).toBe('identity.invalid-audience');
    expect(await issue({ ttlSeconds: 3601 })).toBe('identity.invalid-lifetime');
    expect(await issue({ ttlSeconds: 3600 })).toBe('issued');
  });

  it('stays good while its key is rotated, until that is revoked', async () => {
    const { clock, authority, verify } = await setUp();
    const { token } = await authority.issueJwtSvid({ spiffeId: orders, audience: ['payments'], ttlSeconds: 3600 });
    const kid = decodeProtectedHeader(token).kid as string;
    await authority.prepare('jwt');
    await authority.activate('jwt');
    const next = await authority.issueJwtSvid({ spiffeId: orders, audience: ['payments'] });
    expect(decodeProtectedHeader(next.token).kid).not.toBe(kid);
    await authority.taint('jwt', kid);
    clock.advance(1000);
    expect([await verify(token), await verify(next.token)]).toEqual([orders, orders]);
    await authority.revoke('jwt', kid);
    expect([await verify(token), await verify(next.token)]).toEqual(['identity.jwt-svid-refused', orders]);
  });
});
