import type { Authenticated } from '../api/authn.ts';

/** A token that verified, with what must be asked again each time it is seen. */
export interface VerifiedToken {
  /** Issuer settings and key that it verified under, as a digest. It lives only while those do. */
  readonly fingerprint: string;
  readonly authenticated: Authenticated;
  /** Epoch milliseconds, without skew. */
  readonly notBeforeMs: number;
  readonly expiresAtMs: number;
  readonly issuedAtMs: number | undefined;
  /** Names in the revocation list: the issuer, this subject of it, this token of it. */
  readonly issuer: string;
  readonly subjectKey: string;
  readonly tokenKey: string | undefined;
}

/** Verified tokens by the SHA-256 of their text, so that memory holds no usable token. */
export interface TokenCache {
  get(digest: string): VerifiedToken | undefined;
  set(digest: string, token: VerifiedToken): void;
  delete(digest: string): void;
  readonly size: number;
}

/**
 * A bounded cache in two generations: when the young one is full it becomes the old one and what was in that goes.
 * An entry in use is carried over, so nothing is reordered on a hit and nothing is counted.
 */
export function createTokenCache(maxTokens: number): TokenCache {
  const perGeneration = Math.max(1, Math.floor(maxTokens / 2));
  let young = new Map<string, VerifiedToken>();
  let old = new Map<string, VerifiedToken>();
  const set = (digest: string, token: VerifiedToken): void => {
    if (young.size >= perGeneration) {
      old = young;
      young = new Map();
    }
    young.set(digest, token);
  };
  return {
    get(digest) {
      const token = young.get(digest);
      if (token !== undefined) return token;
      const aged = old.get(digest);
      if (aged === undefined) return undefined;
      old.delete(digest);
      set(digest, aged);
      return aged;
    },
    set,
    delete(digest) {
      young.delete(digest);
      old.delete(digest);
    },
    get size() {
      return young.size + old.size;
    },
  };
}
