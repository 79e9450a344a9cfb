import { createHash } from 'node:crypto';
import type { AuthnSnapshot, IssuerSnapshot } from '../api/authn.ts';
import { MerlonError } from '../core/errors.ts';
import { importKey, type VerificationKey } from './keys.ts';
import { type PresetRow, presets } from './presets.ts';

/** A key of an issuer, and the digest of everything that its verdicts hang on. */
export interface IssuerKey extends VerificationKey {
  readonly fingerprint: string;
}

/** One trusted issuer, ready to judge tokens. */
export interface TrustedIssuer {
  /** As the manifest names it; principals and revocations use this name whichever spelling a token has. */
  readonly name: string;
  readonly row: PresetRow;
  readonly audience: ReadonlySet<string>;
  readonly keys: ReadonlyMap<string, IssuerKey>;
}

/** All trusted issuers, by every spelling of `iss`. */
export interface TrustedIssuers {
  readonly byName: ReadonlyMap<string, TrustedIssuer>;
  /** Fingerprints that a cached verdict may still rest on. */
  readonly fingerprints: ReadonlySet<string>;
  /** Keys that cannot serve, each as a sentence. */
  readonly warnings: readonly string[];
}

/** Compiles the issuers of a snapshot. Throws `authn.config`. */
export function compileIssuers({ issuers }: AuthnSnapshot): TrustedIssuers {
  const byName = new Map<string, TrustedIssuer>();
  const warnings: string[] = [];
  for (const config of issuers) {
    const issuer = compileIssuer(config, warnings);
    for (const name of issuer.row.issuers(config.issuer)) {
      if (byName.has(name)) throw fault(config, 'is listed twice');
      byName.set(name, issuer);
    }
  }
  const fingerprints = new Set(
    [...byName.values()].flatMap(({ keys }) => [...keys.values()].map((key) => key.fingerprint)),
  );
  return { byName, fingerprints, warnings };
}

function compileIssuer(config: IssuerSnapshot, warnings: string[]): TrustedIssuer {
  const preset = presets[config.preset];
  const row: PresetRow = {
    ...preset,
    ...(config.algorithms && { algorithms: config.algorithms }),
    ...(config.rolesClaims && { roles: config.rolesClaims }),
    ...(config.scopesClaims && { scopes: config.scopesClaims }),
  };
  const audience = config.audience.length > 0 ? config.audience : preset.defaultAudience(config.issuer);
  if (config.issuer === '') throw fault(config, 'has no name');
  if (audience.length === 0) throw fault(config, 'names no audience');
  return { name: config.issuer, row, audience: new Set(audience), keys: compileKeys(config, row, warnings) };
}

function compileKeys(config: IssuerSnapshot, row: PresetRow, warnings: string[]): ReadonlyMap<string, IssuerKey> {
  const keys = new Map<string, IssuerKey>();
  for (const jwk of config.keys) {
    const key = importKey(jwk, row.algorithms);
    if (typeof key === 'string') warnings.push(`key \`${jwk.kid ?? ''}\` of \`${config.issuer}\` is not used: ${key}`);
    // The key set is another's: a slip in it must not keep a snapshot out.
    else if (keys.has(key.kid))
      warnings.push(`the second key \`${key.kid}\` of \`${config.issuer}\` is not used: one of that name came before`);
    else keys.set(key.kid, { ...key, fingerprint: fingerprint([{ ...config, keys: [] }, jwk]) });
  }
  return keys;
}

function fingerprint(parts: unknown): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

function fault({ issuer }: IssuerSnapshot, what: string): MerlonError {
  return new MerlonError({ code: 'authn.config', message: `the issuer \`${issuer}\` ${what}` });
}
