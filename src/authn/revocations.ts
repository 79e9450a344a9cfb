import type { AuthnSnapshot } from '../api/authn.ts';
import type { VerifiedToken } from './token-cache.ts';

/** Whether a token was revoked since it was issued. */
export type IsRevoked = (token: VerifiedToken) => boolean;

const separator = '\n';

/** How the revocation list names something of an issuer. A line break occurs in no issuer, so two pairs never meet. */
export function revocationKey(issuer: string, name: string): string {
  return `${issuer}${separator}${name}`;
}

/** Compiles the snapshot's revocation lists. */
export function compileRevocations({ revokedTokens, revokedSubjects }: AuthnSnapshot): IsRevoked {
  if (revokedTokens.length === 0 && revokedSubjects.length === 0) return () => false;
  const tokens = new Set(revokedTokens.map(({ issuer, jti }) => revocationKey(issuer, jti)));
  const issuers = new Map<string, number>();
  const subjects = new Map<string, number>();
  for (const { issuer, subject, issuedBeforeMs } of revokedSubjects) {
    if (subject === undefined) raise(issuers, issuer, issuedBeforeMs);
    else raise(subjects, revocationKey(issuer, subject), issuedBeforeMs);
  }
  return ({ issuer, subjectKey, tokenKey, issuedAtMs = 0 }) =>
    (tokenKey !== undefined && tokens.has(tokenKey)) ||
    issuedAtMs < (issuers.get(issuer) ?? 0) ||
    issuedAtMs < (subjects.get(subjectKey) ?? 0);
}

function raise(epochs: Map<string, number>, key: string, epochMs: number): void {
  epochs.set(key, Math.max(epochMs, epochs.get(key) ?? 0));
}
