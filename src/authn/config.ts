import type { AuthnSnapshot } from '../api/authn.ts';
import { MerlonError } from '../core/errors.ts';

/** What the snapshot may leave out, and the bounds of what it may say. */
export const authnDefaults = { clockSkewSeconds: 30, maxTokenBytes: 8192, cachedTokens: 20_000 } as const;

const maxClockSkewSeconds = 300;
const maxTokenBytesLimit = 65_536;

/** The settings that every check shares, filled in. */
export interface AuthnSettings {
  readonly realm: string;
  readonly skewMs: number;
  readonly maxTokenBytes: number;
}

/** Reads and bounds the shared settings. Throws `authn.config`. */
export function readSettings(config: AuthnSnapshot): AuthnSettings {
  const skewSeconds = config.clockSkewSeconds ?? authnDefaults.clockSkewSeconds;
  const maxTokenBytes = config.maxTokenBytes ?? authnDefaults.maxTokenBytes;
  checkRange('clockSkewSeconds', skewSeconds, 0, maxClockSkewSeconds);
  checkRange('maxTokenBytes', maxTokenBytes, 256, maxTokenBytesLimit);
  return { realm: quotable(config.realm), skewMs: skewSeconds * 1000, maxTokenBytes };
}

function checkRange(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new MerlonError({
    code: 'authn.config',
    message: `\`${name}\` must be a whole number from ${least} to ${most}`,
  });
}

/** A realm goes into a quoted string of a header field (RFC 9110, section 5.6.4), so it is held to harmless letters. */
function quotable(realm: string): string {
  if (/^[A-Za-z0-9._:/ -]{1,255}$/.test(realm)) return realm;
  throw new MerlonError({
    code: 'authn.config',
    message: `\`realm\` may hold letters, digits, spaces and \`._:/-\` alone`,
  });
}
