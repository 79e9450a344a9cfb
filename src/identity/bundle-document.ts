import { z } from 'zod';
import type { TrustBundle } from '../api/identity.ts';
import { exportJwk } from '../crypto/control.ts';
import { type Certificate, createTrustAnchors } from '../crypto/index.ts';
import { compileBundles } from './bundle.ts';
import { IdentityError } from './errors.ts';
import { checkTrustDomain } from './spiffe-id.ts';

/** The SPIFFE bundle document of `bundle`: a JWK set (SPIFFE Trust Domain and Bundle, section 4; X509-SVID, section 6.1). */
export async function formatBundleJwks(bundle: TrustBundle): Promise<object> {
  const x509 = bundle.x509Authorities.map(async (text) => ({
    ...(await jwkOfCertificate(text)),
    use: 'x509-svid',
    x5c: [text],
  }));
  return {
    keys: [...(await Promise.all(x509)), ...bundle.jwtAuthorities.map((key) => ({ ...key, use: 'jwt-svid' }))],
    spiffe_sequence: bundle.sequence,
    spiffe_refresh_hint: bundle.refreshHintSeconds,
  };
}

async function jwkOfCertificate(base64: string): Promise<object> {
  const [root] = [...createTrustAnchors([Buffer.from(base64, 'base64')]).bySubject.values()].flat();
  return exportJwk((root as Certificate).spki);
}

const maxBundleChars = 1024 * 1024;
const key = z.looseObject({
  kty: z.string(),
  use: z.string(),
  kid: z.string().max(256).optional(),
  x5c: z.array(z.base64()).optional(),
  crv: z.string().optional(),
  x: z.string().optional(),
  y: z.string().optional(),
  n: z.string().optional(),
  e: z.string().optional(),
});
const document = z.looseObject({
  keys: z.array(z.unknown()).max(1000),
  spiffe_sequence: z.int().min(0).optional(),
  spiffe_refresh_hint: z.int().min(0).optional(),
});

/**
 * Reads another trust domain's bundle document. Keys of an unknown shape or use are passed over, as the standard demands
 * (section 4.2.2); a document that is none, or a certificate that cannot be read, is `identity.bundle-malformed`.
 */
export function parseBundleJwks(trustDomain: string, text: string): TrustBundle {
  checkTrustDomain(trustDomain);
  const parsed = document.safeParse(text.length > maxBundleChars ? undefined : tryJson(text));
  if (!parsed.success) throw malformed(trustDomain);
  const keys = parsed.data.keys.flatMap((candidate) => key.safeParse(candidate).data ?? []);
  const x509Authorities = keys.flatMap(({ use, x5c }) => (use === 'x509-svid' ? (x5c?.[0] ?? []) : []));
  const jwtAuthorities = keys.flatMap(({ use, kid, kty, crv, x, y, n, e }) => {
    const members = Object.entries({ crv, x, y, n, e }).filter(([, value]) => value !== undefined);
    return use === 'jwt-svid' && kid !== undefined ? [{ kid, kty, ...Object.fromEntries(members) }] : [];
  });
  const { spiffe_sequence: sequence = 0, spiffe_refresh_hint: refreshHintSeconds = 0 } = parsed.data;
  const bundle = { trustDomain, sequence, refreshHintSeconds, x509Authorities, jwtAuthorities, tainted: [] };
  try {
    compileBundles([bundle]);
  } catch {
    throw malformed(trustDomain);
  }
  return bundle;
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function malformed(trustDomain: string): IdentityError {
  return new IdentityError('identity.bundle-malformed', `the bundle of \`${trustDomain}\` is no SPIFFE bundle`);
}
