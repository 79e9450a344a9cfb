// Tokens as an attacker makes them: without the issuer's key.
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { encodeBase64Url } from '../core/bytes.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/** Header and claims of a token, unverified. */
export function decodeToken(token: string): { readonly header: JsonObject; readonly claims: JsonObject } {
  const [header = '', claims = ''] = token.split('.');
  const read = (part: string): JsonObject => JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as JsonObject;
  return { header: read(header), claims: read(claims) };
}

const part = (value: JsonObject): string => encodeBase64Url(Buffer.from(JSON.stringify(value)));

/** What is signed: header and claims. */
export function signingInput(header: JsonObject, claims: JsonObject): string {
  return `${part(header)}.${part(claims)}`;
}

/** A token under a key of the attacker's (ECDSA P-256). */
export function signWithOwnKey(
  header: JsonObject,
  claims: JsonObject,
  key: KeyObject = attackerKey().privateKey,
): string {
  const input = signingInput(header, claims);
  const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
  return `${input}.${encodeBase64Url(signature)}`;
}

/** A token whose "key" is a text that everybody knows. */
export function signWithSecret(header: JsonObject, claims: JsonObject, secret: string | Buffer): string {
  const input = signingInput(header, claims);
  return `${input}.${encodeBase64Url(createHmac('sha256', secret).update(input).digest())}`;
}

let held: { readonly publicKey: KeyObject; readonly privateKey: KeyObject } | undefined;

/** The attacker's key pair; one for the whole run. */
export function attackerKey(): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  held ??= generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return held;
}
