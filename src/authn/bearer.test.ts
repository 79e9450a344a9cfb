import { constants, createHmac, sign } from 'node:crypto';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { ecKey, encode, rsaKey, signText, signToken } from '../../test/fakes/tokens.ts';
import type { AuthnSnapshot, IssuerSnapshot } from '../api/authn.ts';
import type { Protection } from '../api/protections.ts';
import { type Authn, compileAuthn, isDenial } from './index.ts';

const key = ecKey('k1');
const stranger = ecKey('k1');
const rsa = rsaKey('r1');
const issuer = 'https://shop.example/oidc';
const embedded: IssuerSnapshot = {
  preset: 'embedded',
  issuer,
  audience: ['https://api.shop.example'],
  keys: [key.jwk],
};

const snapshot = (changes: Partial<AuthnSnapshot> = {}): AuthnSnapshot => ({
  realm: 'shop.example',
  issuers: [embedded],
  apiKeys: [],
  revokedTokens: [],
  revokedSubjects: [],
  ...changes,
});

let clock: ManualClock;
beforeEach(() => {
  clock = new ManualClock();
});

const compile = (config: AuthnSnapshot = snapshot(), off: Protection[] = []): Authn =>
  compileAuthn(config, { clock, weaknesses: new Set(off) });

const seconds = (): number => Math.floor(clock.now() / 1000);
const claims = (changes: object = {}): object => ({
  iss: issuer,
  aud: 'https://api.shop.example',
  sub: 'alice',
  client_id: 'web',
  scope: 'orders:read orders:write',
  roles: ['customer'],
  jti: 't1',
  iat: seconds(),
  exp: seconds() + 600,
  ...changes,
});

const headers = (...fields: [string, string][]) => ({
  get: (name: string) => fields.find(([each]) => each === name)?.[1],
  count: (name: string) => fields.filter(([each]) => each === name).length,
});
const present = (authn: Authn, token: string) =>
  authn.authenticate(headers(['authorization', `Bearer ${token}`]), 'required');
/** The code of the refusal, or the subject who was let in. */
const verdict = (token: string, off: Protection[] = [], config = snapshot()): string => {
  const result = present(compile(config, off), token);
  return isDenial(result) ? result.reason.code : result.principal.id;
};

test('a good token names its principal', () => {
  const result = present(compile(), signToken(claims(), key));
  expect(result).toMatchObject({
    principal: {
      kind: 'user',
      id: 'alice',
      issuer,
      client: 'web',
      roles: ['customer'],
      scopes: ['orders:read', 'orders:write'],
    },
    credential: 'jwt',
    expiresAtMs: (seconds() + 600) * 1000,
  });
});

test('claims are the token’s own, whatever they are called', () => {
  const payload = JSON.stringify(claims()).replace('{', '{"__proto__":{"admin":true},');
  const result = present(compile(), signText('{"alg":"ES256","kid":"k1","typ":"at+jwt"}', payload, key));
  if (isDenial(result)) throw new Error(result.reason.code);
  expect(Object.getPrototypeOf(result.claims)).toBeNull();
  expect(result.claims).not.toHaveProperty('admin');
  expect(result.claims).toMatchObject({ sub: 'alice' });
  expect(result.claims.constructor).toBeUndefined();
});

test('a token that a client got for itself names a client', () => {
  expect(present(compile(), signToken(claims({ sub: 'robot', client_id: 'robot' }), key))).toMatchObject({
    principal: { kind: 'client', id: 'robot' },
  });
});

describe('attacks that fail, and get through when their protection is off', () => {
  test('a signature by another key of the same name', () => {
    const token = signToken(claims(), stranger);
    expect(verdict(token)).toBe('authn.signature');
    expect(verdict(token, ['authn.signature'])).toBe('alice');
  });

  test('claims that were changed after signing', () => {
    const [header, , signature] = signToken(claims(), key).split('.');
    const token = `${header}.${encode(claims({ sub: 'root' }))}.${signature}`;
    expect(verdict(token)).toBe('authn.signature');
    expect(verdict(token, ['authn.signature'])).toBe('root');
  });

  test.each(['none', 'None', 'NONE'])('`alg: %s` without a signature', (alg) => {
    const token = `${encode({ alg, typ: 'at+jwt', kid: 'k1' })}.${encode(claims())}.`;
    expect(verdict(token)).toBe('authn.algorithm');
  });

  test('`alg: none` when algorithms are not checked', () => {
    expect(verdict(`${encode({ alg: 'none', typ: 'at+jwt' })}.${encode(claims())}.`, ['authn.algorithm'])).toBe(
      'alice',
    );
  });

  test.each([
    ['the JWK', JSON.stringify(key.jwk)],
    ['PEM', key.publicKey.export({ type: 'spki', format: 'pem' })],
    ['DER', key.publicKey.export({ type: 'spki', format: 'der' })],
  ])('HS256 under the public key as %s', (_, secret) => {
    const input = `${encode({ alg: 'HS256', typ: 'at+jwt', kid: 'k1' })}.${encode(claims())}`;
    expect(verdict(`${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`)).toBe(
      'authn.algorithm',
    );
  });

  test('a token of an issuer that is not trusted', () => {
    const token = signToken(claims({ iss: 'https://evil.example' }), key);
    expect(verdict(token)).toBe('authn.issuer');
    expect(verdict(token, ['authn.issuer'])).toBe('alice');
  });

  test.each([`${issuer}/`, issuer.toUpperCase(), ` ${issuer}`, [issuer], undefined, null, 7, {}])(
    '`iss: %s`, which is nearly right',
    (iss) => {
      expect(verdict(signToken(claims({ iss }), key))).toBe('authn.issuer');
    },
  );

  test('a token for another audience', () => {
    const token = signToken(claims({ aud: 'https://other.example' }), key);
    expect(verdict(token)).toBe('authn.audience');
    expect(verdict(token, ['authn.audience'])).toBe('alice');
  });

  test.each([
    [[]],
    [undefined],
    [['https://api.shop.example', 7]],
    [{ 'https://api.shop.example': true }],
    ['https://api.shop.example.evil'],
  ])('`aud: %j` holds no audience of ours', (aud) =>
    expect(verdict(signToken(claims({ aud }), key))).toBe('authn.audience'),
  );

  test('an ID token in place of an access token', () => {
    const token = signToken(claims(), key, { typ: 'JWT' });
    expect(verdict(token)).toBe('authn.type');
    expect(verdict(token, ['authn.type'])).toBe('alice');
  });

  test('an expired token', () => {
    const token = signToken(claims({ iat: seconds() - 900, exp: seconds() - 30 }), key);
    expect(verdict(token)).toBe('authn.token-expired');
    expect(verdict(token, ['authn.expiry'])).toBe('alice');
  });

  test('no token at all', () => {
    const nobody = headers();
    expect(compile().authenticate(nobody, 'required')).toMatchObject({
      status: 401,
      reason: { code: 'authn.token-missing' },
    });
    expect(compile(snapshot(), ['authn']).authenticate(nobody, 'required')).toMatchObject({
      principal: { kind: 'anonymous' },
    });
  });
});

describe('the header does not choose the key', () => {
  test.each([
    ['jwk', stranger.jwk],
    ['jku', 'https://evil.example/jwks'],
    ['x5u', 'https://evil.example/cert'],
    ['x5c', ['MIIB']],
  ])('`%s` is not followed', (name, value) => {
    expect(verdict(signToken(claims(), stranger, { [name]: value }))).toBe('authn.signature');
    expect(verdict(signToken(claims(), key, { [name]: value }))).toBe('alice');
  });

  test.each([undefined, '', 'k2', '../k1', "k1' OR '1'='1", '__proto__', 'constructor'])(
    '`kid: %s` names no key',
    (kid) => {
      expect(verdict(signToken(claims(), key, { kid }))).toBe('authn.key-unknown');
    },
  );

  test.each([7, null, ['k1'], {}])('`kid: %j` is no text', (kid) => {
    expect(verdict(signToken(claims(), key, { kid }))).toBe('authn.token-malformed');
  });

  test('critical extensions are refused, empty list or not', () => {
    expect(verdict(signToken(claims(), key, { crit: ['b64'], b64: false }))).toBe('authn.critical');
    expect(verdict(signToken(claims(), key, { crit: [] }))).toBe('authn.critical');
  });

  test("a key's own algorithm binds, even where its issuer allows others", () => {
    const config = snapshot({
      issuers: [{ ...embedded, algorithms: ['RS256', 'PS256'], keys: [{ ...rsa.jwk, alg: 'PS256' }] }],
    });
    const input = `${encode({ alg: 'RS256', typ: 'at+jwt', kid: 'r1' })}.${encode(claims())}`;
    const signature = sign('sha256', Buffer.from(input), rsa.privateKey).toString('base64url');
    expect(verdict(`${input}.${signature}`, [], config)).toBe('authn.algorithm');
  });

  test('a key of one issuer does not vouch for another', () => {
    const other = ecKey('k2');
    const config = snapshot({
      issuers: [
        embedded,
        {
          preset: 'generic',
          issuer: 'https://other.example',
          audience: ['https://api.shop.example'],
          keys: [other.jwk],
        },
      ],
    });
    expect(verdict(signToken(claims(), other), [], config)).toBe('authn.key-unknown');
    expect(verdict(signToken(claims({ iss: 'https://other.example' }), other), [], config)).toBe('alice');
  });
});

describe('the form is strict', () => {
  const good = (): string => signToken(claims(), key);
  test.each([
    ['nothing', () => ''],
    ['a word', () => 'token'],
    ['two parts', () => good().split('.').slice(0, 2).join('.')],
    ['four parts', () => `${good()}.`],
    ['five parts, as a JWE', () => 'a.b.c.d.e'],
    ['padding', () => good().replace('.', '=.')],
    ['the other base64 alphabet', () => good().replace(/[-_]/, '+').replace(/^e/, 'e+')],
    ['a space inside', () => good().replace('.', '. ')],
    ['a header that is an array', () => signText('[]', JSON.stringify(claims()), key)],
    ['a payload that is a text', () => signText('{"alg":"ES256","kid":"k1","typ":"at+jwt"}', '"alice"', key)],
    ['a payload that is null', () => signText('{"alg":"ES256","kid":"k1","typ":"at+jwt"}', 'null', key)],
    [
      'two JSON texts',
      () => signText('{"alg":"ES256","kid":"k1","typ":"at+jwt"}', `${JSON.stringify(claims())}{}`, key),
    ],
    [
      'an algorithm that is no text',
      () => signText('{"alg":["ES256"],"kid":"k1","typ":"at+jwt"}', JSON.stringify(claims()), key),
    ],
  ])('%s is not a token', (_, token) => expect(verdict(token())).toBe('authn.token-malformed'));

  test.each([
    ['at the top', '{"sub":"alice","sub":"root"}'],
    ['under an escape', '{"sub":"alice","s\\u0075b":"root"}'],
    ['deep inside', '{"a":[{"b":1,"c":{"x":1,"x":2}}]}'],
    ['with a quote before the colon', '{"a\\"":1,"a\\"":2}'],
  ])('a member twice %s', (_, payload) => {
    expect(verdict(signText('{"alg":"ES256","kid":"k1","typ":"at+jwt"}', payload, key))).toBe('authn.token-malformed');
  });

  test('a member twice in the header', () => {
    expect(
      verdict(signText('{"alg":"ES256","kid":"k1","kid":"k1","typ":"at+jwt"}', JSON.stringify(claims()), key)),
    ).toBe('authn.token-malformed');
  });

  test('the same name in sibling objects, and as a value, is fine', () => {
    expect(verdict(signToken(claims({ a: { x: 1 }, b: [{ x: 1 }, { x: 'x' }], c: 'x":' }), key))).toBe('alice');
  });

  test('bytes that are not UTF-8', () => {
    const input = `${encode({ alg: 'ES256', kid: 'k1', typ: 'at+jwt' })}.${Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toString('base64url')}`;
    const signature = sign('sha256', Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' }).toString(
      'base64url',
    );
    expect(verdict(`${input}.${signature}`)).toBe('authn.token-malformed');
  });

  test('a token over 8 KiB is not even parsed', () => {
    expect(verdict(signToken(claims({ pad: 'x'.repeat(8192) }), key))).toBe('authn.token-size');
  });

  test('a signature in DER, or with trailing bytes, is none', () => {
    const [header, payload] = signToken(claims(), key).split('.');
    const input = Buffer.from(`${header}.${payload}`);
    const der = sign('sha256', input, key.privateKey);
    const raw = sign('sha256', input, { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
    for (const signature of [
      der,
      Buffer.concat([raw, Buffer.from([0])]),
      raw.subarray(0, 63),
      Buffer.alloc(64),
      Buffer.alloc(0),
    ]) {
      expect(verdict(`${input}.${signature.toString('base64url')}`)).toBe('authn.signature');
    }
  });
});

describe('claims', () => {
  test.each(['sub', 'exp'])('`%s` must be there', (name) => {
    expect(verdict(signToken(claims({ [name]: undefined }), key))).toBe('authn.claim');
  });

  test.each([
    ['exp', '9999999999'],
    ['exp', null],
    ['exp', -1],
    ['exp', 1e300],
    ['nbf', 'soon'],
    ['iat', {}],
    ['sub', ''],
    ['sub', 7],
    ['sub', 'a'.repeat(256)],
  ])('`%s: %j` is refused', (name, value) =>
    expect(verdict(signToken(claims({ [name]: value }), key))).toBe('authn.claim'),
  );

  test('a bound token is refused, for the proof is not looked at', () => {
    expect(verdict(signToken(claims({ cnf: { jkt: 'x' } }), key))).toBe('authn.binding');
  });

  test.each(['at_hash', 'c_hash', 'events'])('`%s` belongs to another kind of token', (name) => {
    expect(verdict(signToken(claims({ [name]: {} }), key))).toBe('authn.type');
  });

  test('the clock may be off by the skew and no more', () => {
    const at = (changes: object) => verdict(signToken(claims(changes), key));
    expect(at({ exp: seconds() - 29 })).toBe('alice');
    expect(at({ exp: seconds() - 30 })).toBe('authn.token-expired');
    expect(at({ nbf: seconds() + 30 })).toBe('alice');
    expect(at({ nbf: seconds() + 31 })).toBe('authn.token-early');
    expect(at({ iat: seconds() + 31 })).toBe('authn.token-early');
  });
});

describe('algorithms', () => {
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  const signRsa = (alg: string, digest: string, options: object): string => {
    const input = `${encode({ alg, typ: 'at+jwt', kid: 'r1' })}.${encode(claims())}`;
    return `${input}.${sign(digest, Buffer.from(input), { key: rsa.privateKey, ...options }).toString('base64url')}`;
  };
  const withRsa = snapshot({ issuers: [{ ...embedded, preset: 'generic', keys: [rsa.jwk] }] });

  test.each([
    ['RS256', 'sha256', {}],
    ['RS512', 'sha512', {}],
    ['PS256', 'sha256', pss],
    ['PS384', 'sha384', pss],
  ])('%s verifies', (alg, digest, options) =>
    expect(verdict(signRsa(alg, digest, options), [], withRsa)).toBe('alice'),
  );

  test.each([
    ['PS256 signed as RS256', 'PS256', 'sha256', {}],
    ['RS256 signed as PS256', 'RS256', 'sha256', pss],
    ['RS256 over SHA-1', 'RS256', 'sha1', {}],
    ['PS256 with another salt length', 'PS256', 'sha256', { ...pss, saltLength: 20 }],
  ])('%s does not', (_, alg, digest, options) =>
    expect(verdict(signRsa(alg, digest, options), [], withRsa)).toBe('authn.signature'),
  );

  test.each([
    ['P-384', 'ES384', 'sha384'],
    ['P-521', 'ES512', 'sha512'],
  ])('%s keys verify %s alone', (curve, alg, digest) => {
    const wide = ecKey('w1', curve, alg);
    const config = snapshot({ issuers: [{ ...embedded, preset: 'generic', keys: [wide.jwk] }] });
    const token = (name: string): string => {
      const input = `${encode({ alg: name, typ: 'at+jwt', kid: 'w1' })}.${encode(claims())}`;
      return `${input}.${sign(digest, Buffer.from(input), { key: wide.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
    };
    expect(verdict(token(alg), [], config)).toBe('alice');
    expect(verdict(token('ES256'), [], config)).toBe('authn.algorithm');
  });
});

describe('the cache', () => {
  test('forgets a token when it expires', () => {
    const authn = compile();
    const token = signToken(claims(), key);
    expect(isDenial(present(authn, token))).toBe(false);
    clock.advance(629_000);
    expect(isDenial(present(authn, token))).toBe(false);
    clock.advance(1_000);
    expect(present(authn, token)).toMatchObject({ reason: { code: 'authn.token-expired' } });
  });

  test('gives the same verdict object again, without verifying', () => {
    const authn = compile();
    const token = signToken(claims(), key);
    expect(present(authn, token)).toBe(present(authn, token));
  });

  test('does not outlive its key, its issuer or their settings', async () => {
    const { createTokenCache } = await import('./index.ts');
    const cache = createTokenCache(100);
    const token = signToken(claims(), key);
    const judge = (config: AuthnSnapshot) =>
      present(compileAuthn(config, { clock, weaknesses: new Set(), cache }), token);
    expect(isDenial(judge(snapshot()))).toBe(false);
    expect(isDenial(judge(snapshot()))).toBe(false);
    expect(judge(snapshot({ issuers: [{ ...embedded, keys: [ecKey('k9').jwk] }] }))).toMatchObject({
      reason: { code: 'authn.key-unknown' },
    });
    expect(judge(snapshot({ issuers: [{ ...embedded, keys: [stranger.jwk] }] }))).toMatchObject({
      reason: { code: 'authn.signature' },
    });
    expect(judge(snapshot({ issuers: [{ ...embedded, audience: ['x'] }] }))).toMatchObject({
      reason: { code: 'authn.audience' },
    });
    expect(judge(snapshot({ issuers: [] }))).toMatchObject({ reason: { code: 'authn.issuer' } });
    expect(isDenial(judge(snapshot()))).toBe(false);
  });

  test('does not outlive a revocation', async () => {
    const { createTokenCache } = await import('./index.ts');
    const cache = createTokenCache(100);
    const token = signToken(claims(), key);
    const judge = (config: AuthnSnapshot) =>
      present(compileAuthn(config, { clock, weaknesses: new Set(), cache }), token);
    const revoked = { reason: { code: 'authn.token-revoked' } };
    expect(isDenial(judge(snapshot()))).toBe(false);
    expect(
      judge(snapshot({ revokedTokens: [{ issuer, jti: 't1', expiresAtMs: clock.now() + 600_000 }] })),
    ).toMatchObject(revoked);
    expect(
      judge(snapshot({ revokedSubjects: [{ issuer, subject: 'alice', issuedBeforeMs: clock.now() + 1 }] })),
    ).toMatchObject(revoked);
    expect(judge(snapshot({ revokedSubjects: [{ issuer, issuedBeforeMs: clock.now() + 1 }] }))).toMatchObject(revoked);
    expect(
      isDenial(judge(snapshot({ revokedSubjects: [{ issuer, subject: 'alice', issuedBeforeMs: clock.now() }] }))),
    ).toBe(false);
    expect(
      isDenial(judge(snapshot({ revokedSubjects: [{ issuer, subject: 'bob', issuedBeforeMs: clock.now() + 1 }] }))),
    ).toBe(false);
    expect(
      isDenial(
        judge(snapshot({ revokedSubjects: [{ issuer: 'https://other.example', issuedBeforeMs: clock.now() + 1 }] })),
      ),
    ).toBe(false);
  });

  test('stays within its bound and keeps what is used', async () => {
    const { createTokenCache } = await import('./index.ts');
    const cache = createTokenCache(10);
    const entry = { fingerprint: 'f' } as Parameters<typeof cache.set>[1];
    cache.set('used', entry);
    for (let at = 0; at < 100; at++) {
      cache.set(`token ${at}`, entry);
      expect(cache.get('used')).toBe(entry);
      expect(cache.size).toBeLessThanOrEqual(10);
    }
    expect(cache.get('token 3')).toBeUndefined();
  });

  test('a token without `iat` falls with every revocation of its subject', () => {
    const config = snapshot({ revokedSubjects: [{ issuer, subject: 'alice', issuedBeforeMs: 1 }] });
    expect(verdict(signToken(claims({ iat: undefined }), key), [], config)).toBe('authn.token-revoked');
    expect(verdict(signToken(claims(), key), [], config)).toBe('alice');
  });
});

describe('what the caller and the operator learn', () => {
  test('the challenge names the error and no more', () => {
    const result = present(compile(), signToken(claims({ aud: 'https://secret.example' }), key));
    expect(result).toMatchObject({
      status: 401,
      headers: {
        'www-authenticate':
          'Bearer realm="shop.example", error="invalid_token", error_description="the access token is meant for another audience"',
      },
      reason: { filter: 'authn', claim: 'aud', expected: 'https://api.shop.example', actual: 'https://secret.example' },
    });
  });

  test('without a credential the challenge carries no error (RFC 6750, section 3.1)', () => {
    expect(compile().authenticate(headers(), 'required')).toMatchObject({
      headers: { 'www-authenticate': 'Bearer realm="shop.example"' },
    });
  });

  test("a hostile claim reaches the operator's log on one short line", () => {
    const result = present(compile(), signToken(claims({ iss: `a\r\nSet-Cookie: x${'y'.repeat(500)}` }), key));
    if (!isDenial(result)) throw new Error('it was let in');
    expect(result.reason.actual).toMatch(/^[\x20-\x7e]{1,130}$/);
  });
});

describe('any change to a token', () => {
  const token = (): string => signToken(claims(), key);

  test('of one character is refused', () => {
    const authn = compile();
    const good = token();
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.= ';
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(letters.length - 1), (at, letter) => {
        const changed = good.slice(0, at) + letters[letter] + good.slice(at + 1);
        return changed === good || isDenial(present(authn, changed));
      }),
      { numRuns: 3000 },
    );
  });

  test('by cutting, doubling or joining is refused', () => {
    const authn = compile();
    const [good, other] = [token(), signToken(claims({ sub: 'bob' }), key)];
    fc.assert(
      fc.property(fc.nat(good.length), fc.nat(other.length), (from, to) => {
        const joined = good.slice(0, from) + other.slice(to);
        return joined === good || joined === other || isDenial(present(authn, joined));
      }),
      { numRuns: 3000 },
    );
  });

  test('that makes it no text at all does not throw', () => {
    const authn = compile();
    fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => isDenial(present(authn, text))));
  });

  test('that leaves it well-formed and signed with any claims gives a verdict', () => {
    const authn = compile();
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.constantFrom('iss', 'aud', 'sub', 'exp', 'nbf', 'iat', 'scope', 'roles', 'jti', 'client_id'),
          fc.jsonValue(),
        ),
        (changes) => {
          present(authn, signToken(claims(changes), key));
        },
      ),
    );
  });

  test('is refused without repeating the token', () => {
    const good = token();
    const [header, payload, signature = ''] = good.split('.');
    for (const bad of [`${good}x`, `${header}.${payload}.${signature.slice(0, -8)}AAAAAAAA`, good.replace('.', '..')]) {
      expect(JSON.stringify(present(compile(), bad))).not.toMatch(
        new RegExp(`${signature.slice(0, 20)}|${payload?.slice(0, 40)}`),
      );
    }
  });
});

describe('configuration', () => {
  test.each([
    ['an issuer twice', { issuers: [embedded, embedded] }, 'listed twice'],
    ['no audience', { issuers: [{ ...embedded, audience: [] }] }, 'names no audience'],
    ['a realm that breaks out of its quotes', { realm: 'a", b="' }, '`realm`'],
    ['a skew beyond bounds', { clockSkewSeconds: 301 }, '`clockSkewSeconds`'],
    ['a token size beyond bounds', { maxTokenBytes: 1e9 }, '`maxTokenBytes`'],
  ])('%s is refused', (_, changes, message) => {
    expect(() => compile(snapshot(changes))).toThrow(
      expect.objectContaining({ code: 'authn.config', message: expect.stringContaining(message) }),
    );
  });

  test.each([
    ['a private key', { ...key.jwk, d: 'AAAA' }, 'private member `d`'],
    ['a symmetric key', { kty: 'oct', k: 'AAAA', kid: 'k1', alg: 'HS256' }, 'private member `k`'],
    ['an encryption key', { ...rsa.jwk, use: 'enc' }, '`enc`'],
    ['a signing-only key', { ...key.jwk, key_ops: ['sign'] }, '`key_ops`'],
    ['a point off the curve', { ...key.jwk, y: key.jwk.x ?? '' }, ''],
    ['a key without a name', { ...key.jwk, kid: '' }, '`kid`'],
    ['another curve', { ...key.jwk, crv: 'P-384' }, 'no accepted algorithm'],
    ['another algorithm', { ...key.jwk, alg: 'ES384' }, 'no accepted algorithm'],
  ])('%s is left out, and said so', (_, jwk, why) => {
    const authn = compile(snapshot({ issuers: [{ ...embedded, keys: [jwk] }] }));
    expect(authn.warnings).toEqual([expect.stringContaining(why)]);
    expect(present(authn, signToken(claims(), key))).toMatchObject({ reason: { code: 'authn.key-unknown' } });
  });

  test('of two keys with one name the first counts', () => {
    const authn = compile(snapshot({ issuers: [{ ...embedded, keys: [key.jwk, stranger.jwk] }] }));
    expect(authn.warnings).toEqual([expect.stringContaining('second key `k1`')]);
    expect(isDenial(present(authn, signToken(claims(), key)))).toBe(false);
    expect(isDenial(present(authn, signToken(claims(), stranger)))).toBe(true);
  });

  test('a short RSA key is left out', () => {
    const authn = compile(
      snapshot({ issuers: [{ ...embedded, preset: 'generic', keys: [rsaKey('short', 1024).jwk] }] }),
    );
    expect(authn.warnings).toEqual([expect.stringContaining('1024 bits')]);
  });
});
