// Five hundred users with a token each: RS256, as most identity providers sign.
import { generateKeyPairSync, sign } from 'node:crypto';

export const issuer = 'https://op.bench.example';
export const audience = 'https://api.bench.example';

export interface Tokens {
  /** JWKS of the issuer, as JSON. */
  readonly jwks: string;
  readonly tokens: readonly string[];
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export function mintTokens(users: number): Tokens {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const nowSeconds = Math.floor(Date.now() / 1000);
  const header = encode({ alg: 'RS256', kid: 'bench', typ: 'at+jwt' });
  const tokens = Array.from({ length: users }, (_, user) => {
    const payload = encode({
      iss: issuer,
      aud: audience,
      sub: `user-${user}`,
      client_id: 'bench',
      jti: `token-${user}`,
      iat: nowSeconds,
      exp: nowSeconds + 6 * 3600,
      scope: 'items:read items:write',
    });
    const input = `${header}.${payload}`;
    return `${input}.${sign('sha256', Buffer.from(input), privateKey).toString('base64url')}`;
  });
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'bench', alg: 'RS256', use: 'sig' };
  return { jwks: JSON.stringify({ keys: [jwk] }), tokens };
}
