import type { JwtAuthority, TrustBundle } from '../api/identity.ts';
import { createTrustAnchors, formatCertificatesPem, parseCertificatesPem, type TrustAnchors } from '../crypto/index.ts';
import { checkTrustDomain } from './spiffe-id.ts';

/** A bundle read once, ready to verify with. */
export interface CompiledBundle {
  readonly x509: TrustAnchors;
  /** By `kid`. */
  readonly jwt: ReadonlyMap<string, JwtAuthority>;
}

/** Whom to believe, by trust domain. */
export type Bundles = ReadonlyMap<string, CompiledBundle>;

/** Reads bundles once, for many verifications. Throws `x509.malformed`, `identity.invalid-trust-domain`. */
export function compileBundles(bundles: readonly TrustBundle[]): Bundles {
  return new Map(
    bundles.map(({ trustDomain, x509Authorities, jwtAuthorities }) => {
      checkTrustDomain(trustDomain);
      const x509 = createTrustAnchors(x509Authorities.map((text) => Buffer.from(text, 'base64')));
      return [trustDomain, { x509, jwt: new Map(jwtAuthorities.map((key) => [key.kid, key])) }];
    }),
  );
}

/** The roots of `bundle` as PEM. */
export function formatBundlePem({ x509Authorities }: TrustBundle): string {
  return formatCertificatesPem(x509Authorities.map((text) => Buffer.from(text, 'base64')));
}

/** A bundle of roots alone, from PEM. Throws `pem.malformed`. */
export function bundleFromPem(trustDomain: string, pem: string): TrustBundle {
  const x509Authorities = parseCertificatesPem(pem).map((der) => der.toString('base64'));
  return { trustDomain, sequence: 0, refreshHintSeconds: 0, x509Authorities, jwtAuthorities: [], tainted: [] };
}
