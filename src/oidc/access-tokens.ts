import { createLocalJWKSet, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import type { Clock } from '../core/clock.ts';
import type { ProviderKeys } from './signing-keys.ts';

export interface OwnTokensOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly keys: () => ProviderKeys;
  readonly clock: Clock;
}

/** The claims of an access token that this provider issued and that has not expired, or undefined. */
export type TryVerifyOwnToken = (token: string) => Promise<JWTPayload | undefined>;

/** Verifies the provider's own access tokens, for the endpoints that are called with one. */
export function createOwnTokenVerifier({ issuer, audience, keys, clock }: OwnTokensOptions): TryVerifyOwnToken {
  return async (token) => {
    const keySet = createLocalJWKSet({ keys: keys().public } as JSONWebKeySet);
    const checks = { issuer, audience, typ: 'at+jwt', algorithms: ['ES256'], currentDate: new Date(clock.now()) };
    const verified = await jwtVerify(token, keySet, checks).catch(() => undefined);
    return verified?.payload;
  };
}
