import { createPublicKey } from 'node:crypto';
import type { Protection } from '../../api/protections.ts';
import { type Attack, notApplicable, type Severity } from '../attack.ts';
import type { ProveContext } from '../context.ts';
import { attackerKey, decodeToken, type JsonObject, signingInput, signWithOwnKey, signWithSecret } from '../forge.ts';
import { edgeProbe, subjectFor, withToken } from '../probes.ts';
import { type RequestText, withFields } from '../wire/request.ts';

interface Genuine {
  readonly token: string;
  readonly header: JsonObject;
  readonly claims: JsonObject;
  readonly subject: string;
  /** A genuine token with other claims or another header, signed by the issuer. */
  readonly reissue: (claims: JsonObject, header?: JsonObject) => Promise<string>;
  readonly context: ProveContext;
}

interface TokenRow {
  readonly id: string;
  readonly title: string;
  readonly protection: Protection;
  readonly codes: readonly string[];
  readonly standards: readonly string[];
  readonly severity?: Severity;
  readonly status?: number;
  /** The token in place of the genuine one. Undefined: none. */
  readonly forge?: (genuine: Genuine) => string | undefined | Promise<string | undefined>;
  /** Changes the request as a whole instead. */
  readonly change?: (request: RequestText, genuine: Genuine) => RequestText | Promise<RequestText>;
}

const broken = 'OWASP API2:2023';
const signature = ['CWE-347', broken];
const claimsUnchecked = ['CWE-287', broken];

/** Credentials that must not pass for an access token of a trusted issuer. */
const rows: readonly TokenRow[] = [
  {
    id: 'token.none',
    title: 'no credential at all',
    protection: 'authn',
    codes: ['authn.token-missing'],
    standards: ['CWE-306', broken],
    forge: () => undefined,
  },
  {
    id: 'token.garbage',
    title: 'a text that is no token',
    protection: 'authn',
    codes: ['authn.token-malformed', 'authn.token-size'],
    standards: ['CWE-287', broken],
    forge: () => 'merlon-prove-not-a-token-0123456789',
  },
  {
    id: 'token.foreign-key',
    title: "signed with the attacker's key, under the issuer's key id",
    protection: 'authn.signature',
    codes: ['authn.signature'],
    standards: signature,
    forge: ({ header, claims }) => signWithOwnKey(header, claims),
  },
  {
    id: 'token.unknown-key',
    title: 'signed with a key that the issuer does not publish',
    protection: 'authn',
    codes: ['authn.key-unknown', 'authn.signature'],
    standards: signature,
    forge: ({ header, claims }) => signWithOwnKey({ ...header, kid: 'merlon-prove-unknown' }, claims),
  },
  {
    id: 'token.altered-claims',
    title: 'claims changed after signing: every role, the same signature',
    protection: 'authn.signature',
    codes: ['authn.signature'],
    standards: ['CWE-345', ...signature],
    forge: ({ token, header, claims, context }) =>
      `${signingInput(header, { ...claims, roles: Object.keys(context.target.manifest.roles), admin: true })}.${token.split('.')[2]}`,
  },
  {
    id: 'token.empty-signature',
    title: 'the signature left out',
    protection: 'authn.signature',
    codes: ['authn.signature', 'authn.token-malformed'],
    standards: signature,
    forge: ({ token }) => `${token.split('.').slice(0, 2).join('.')}.`,
  },
  {
    id: 'token.zero-signature',
    title: 'a signature of zeros ("psychic signature")',
    protection: 'authn.signature',
    codes: ['authn.signature'],
    standards: [...signature, 'CVE-2022-21449'],
    forge: ({ token }) => `${token.split('.').slice(0, 2).join('.')}.${Buffer.alloc(64).toString('base64url')}`,
  },
  {
    id: 'token.alg-none',
    title: 'algorithm `none`, unsigned',
    protection: 'authn.algorithm',
    codes: ['authn.algorithm'],
    standards: ['CWE-327', ...signature],
    forge: ({ header, claims }) => `${signingInput({ ...header, alg: 'none' }, claims)}.`,
  },
  {
    id: 'token.alg-none-spelling',
    title: 'algorithm `nOnE`, unsigned',
    protection: 'authn',
    codes: ['authn.algorithm'],
    standards: ['CWE-327', ...signature],
    forge: ({ header, claims }) => `${signingInput({ ...header, alg: 'nOnE' }, claims)}.`,
  },
  {
    id: 'token.key-confusion',
    title: "HS256 with the issuer's public key as the secret",
    protection: 'authn',
    codes: ['authn.algorithm'],
    standards: ['CWE-327', ...signature],
    severity: 'critical',
    forge: async ({ header, claims, context }) =>
      signWithSecret({ ...header, alg: 'HS256' }, claims, await publicKeyText(context, header)),
  },
  {
    id: 'token.embedded-key',
    title: "the attacker's public key in the token's own header (`jwk`)",
    protection: 'authn',
    codes: ['authn.signature', 'authn.key-unknown'],
    standards: ['CWE-345', ...signature],
    forge: ({ header, claims }) =>
      signWithOwnKey({ ...header, jwk: attackerKey().publicKey.export({ format: 'jwk' }) }, claims),
  },
  {
    id: 'token.key-url',
    title: "a `jku` that leads to the attacker's keys",
    protection: 'authn',
    codes: ['authn.signature', 'authn.key-unknown'],
    standards: ['CWE-918', ...signature],
    forge: ({ header, claims }) => signWithOwnKey({ ...header, jku: 'https://attacker.invalid/jwks.json' }, claims),
  },
  {
    id: 'token.certificate-url',
    title: "an `x5u` that leads to the attacker's certificate",
    protection: 'authn',
    codes: ['authn.signature', 'authn.key-unknown'],
    standards: ['CWE-918', ...signature],
    forge: ({ header, claims }) => signWithOwnKey({ ...header, x5u: 'https://attacker.invalid/cert.pem' }, claims),
  },
  {
    id: 'token.key-id-path',
    title: 'a `kid` that is a path to an empty file, signed with the empty key',
    protection: 'authn',
    codes: ['authn.algorithm', 'authn.key-unknown'],
    standards: ['CWE-22', ...signature],
    forge: ({ header, claims }) =>
      signWithSecret({ ...header, alg: 'HS256', kid: '../../../../../../dev/null' }, claims, ''),
  },
  {
    id: 'token.key-id-injection',
    title: 'a `kid` that is a piece of SQL',
    protection: 'authn',
    codes: ['authn.algorithm', 'authn.key-unknown', 'authn.signature'],
    standards: ['CWE-89', ...signature],
    forge: ({ header, claims }) => signWithOwnKey({ ...header, kid: "' UNION SELECT 'AAAA'-- " }, claims),
  },
  {
    id: 'token.critical-extension',
    title: 'a critical extension that nobody knows (`crit`)',
    protection: 'authn',
    codes: ['authn.critical'],
    standards: ['CWE-345', broken],
    severity: 'medium',
    forge: ({ header, claims }) => signWithOwnKey({ ...header, crit: ['merlon-prove'], 'merlon-prove': true }, claims),
  },
  {
    id: 'token.expired',
    title: 'an access token that expired an hour ago',
    protection: 'authn.expiry',
    codes: ['authn.token-expired'],
    standards: ['CWE-613', broken],
    forge: ({ reissue, claims }) => reissue({ iat: seconds(claims.iat) - 7200, exp: seconds(claims.iat) - 3600 }),
  },
  {
    id: 'token.no-expiry',
    title: 'an access token that never expires',
    protection: 'authn.expiry',
    codes: ['authn.claim', 'authn.token-expired'],
    standards: ['CWE-613', broken],
    forge: ({ reissue }) => reissue({ exp: null }),
  },
  {
    id: 'token.not-yet-valid',
    title: 'an access token that is valid from tomorrow on (`nbf`)',
    protection: 'authn.expiry',
    codes: ['authn.token-early'],
    standards: claimsUnchecked,
    severity: 'medium',
    forge: ({ reissue, claims }) => reissue({ nbf: seconds(claims.iat) + 86_400, exp: seconds(claims.iat) + 90_000 }),
  },
  {
    id: 'token.wrong-issuer',
    title: 'another issuer (`iss`), under a key that is trusted',
    protection: 'authn.issuer',
    codes: ['authn.issuer'],
    standards: claimsUnchecked,
    forge: ({ reissue }) => reissue({ iss: 'https://issuer.attacker.invalid/' }),
  },
  {
    id: 'token.issuer-look-alike',
    title: "the issuer's name with a slash at its end",
    protection: 'authn.issuer',
    codes: ['authn.issuer'],
    standards: claimsUnchecked,
    severity: 'medium',
    forge: ({ reissue, claims }) => reissue({ iss: `${claims.iss}/` }),
  },
  {
    id: 'token.wrong-audience',
    title: 'a token for another audience (`aud`)',
    protection: 'authn.audience',
    codes: ['authn.audience'],
    standards: claimsUnchecked,
    forge: ({ reissue }) => reissue({ aud: 'https://other.attacker.invalid' }),
  },
  {
    id: 'token.no-audience',
    title: 'a token for nobody in particular (no `aud`)',
    protection: 'authn.audience',
    codes: ['authn.audience', 'authn.claim'],
    standards: claimsUnchecked,
    forge: ({ reissue }) => reissue({ aud: null }),
  },
  {
    id: 'token.id-token',
    title: 'an ID token in place of an access token',
    protection: 'authn.type',
    codes: ['authn.type'],
    standards: ['CWE-288', broken],
    forge: ({ reissue }) => reissue({ nonce: 'merlon-prove', at_hash: 'bWVybG9uLXByb3Zl' }, { typ: 'JWT' }),
  },
  {
    id: 'token.logout-token',
    title: 'a logout token in place of an access token',
    protection: 'authn.type',
    codes: ['authn.type'],
    standards: ['CWE-288', broken],
    forge: ({ reissue }) => reissue({}, { typ: 'logout+jwt' }),
  },
  {
    id: 'token.bound',
    title: 'a stolen sender-constrained token, without the key that it is bound to (`cnf`)',
    protection: 'authn',
    codes: ['authn.binding'],
    standards: ['CWE-294', broken],
    forge: ({ reissue }) => reissue({ cnf: { jkt: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs' } }),
  },
  {
    id: 'token.no-subject',
    title: 'a token that is about nobody (no `sub`)',
    protection: 'authn',
    codes: ['authn.claim'],
    standards: claimsUnchecked,
    severity: 'medium',
    forge: ({ reissue }) => reissue({ sub: null }),
  },
  {
    id: 'token.oversized',
    title: 'a token of 20 kB',
    protection: 'authn',
    codes: ['authn.token-size', 'net.headers-too-large'],
    standards: ['CWE-770', 'OWASP API4:2023'],
    severity: 'low',
    forge: ({ token }) => `${token}${'A'.repeat(20_000)}`,
  },
  {
    id: 'token.two-credentials',
    title: "two credentials: the caller's and a stranger's",
    protection: 'authn',
    codes: ['authn.ambiguous'],
    standards: ['CWE-436', broken],
    severity: 'medium',
    status: 400,
    change: (request, { header, claims }) =>
      withFields(request, ['authorization', `Bearer ${signWithOwnKey(header, { ...claims, sub: 'root' })}`]),
  },
  {
    id: 'token.in-query',
    title: 'the token in the query, where logs keep it',
    protection: 'authn',
    codes: ['authn.token-missing'],
    standards: ['CWE-598', broken],
    severity: 'medium',
    change: (request, { token }) => ({
      ...withToken(request, undefined),
      target: `${request.target}?access_token=${token}`,
    }),
  },
  {
    id: 'token.basic',
    title: 'a password in place of a token (`Basic`)',
    protection: 'authn',
    codes: ['authn.scheme'],
    standards: ['CWE-287', broken],
    severity: 'medium',
    change: (request) =>
      withFields(withToken(request, undefined), [
        'authorization',
        `Basic ${Buffer.from('admin:admin').toString('base64')}`,
      ]),
  },
];

const seconds = (value: unknown): number => (typeof value === 'number' ? value : 0);

/** The issuer's public key as an attacker finds it: published, and in PEM. */
async function publicKeyText(context: ProveContext, header: JsonObject): Promise<string> {
  const { transcript } = await context.edge({ method: 'GET', target: '/oidc/jwks', headers: [] });
  const { keys = [] } = JSON.parse(transcript?.responses[0]?.body || '{}') as { keys?: { kid?: string }[] };
  const jwk = keys.find(({ kid }) => kid === header.kid) ?? keys[0];
  if (jwk === undefined) return 'no key is published';
  return createPublicKey({ key: jwk as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' }) as string;
}

function tokenAttack(row: TokenRow): Attack {
  const { id, title, protection, standards, severity = 'critical' } = row;
  return {
    id,
    title,
    protection,
    severity,
    standards,
    plan: (context) => {
      const [open] = context.survey.reads;
      if (open === undefined)
        return notApplicable('no operation behind authentication can be read', context.survey.faults.read);
      const subject = subjectFor(context, id);
      return [
        edgeProbe(context, {
          open,
          subject,
          attack: async (request) => changed(row, request, await genuine(context, request, subject)),
          expected: { status: row.status ?? [401, 431], codes: row.codes, filter: filterOf(row.codes) },
        }),
      ];
    },
  };
}

function filterOf(codes: readonly string[]): string {
  return codes.every((code) => code.startsWith('net.')) ? 'http' : 'authn';
}

async function changed(row: TokenRow, request: RequestText, genuine: Genuine): Promise<RequestText> {
  return row.change?.(request, genuine) ?? withToken(request, await row.forge?.(genuine));
}

async function genuine(context: ProveContext, request: RequestText, subject: string): Promise<Genuine> {
  const token = request.headers.find(([name]) => name === 'authorization')?.[1].slice('Bearer '.length) ?? '';
  const { header, claims } = decodeToken(token);
  const scopes = typeof claims.scope === 'string' ? claims.scope.split(' ').filter(Boolean) : [];
  const roles = Array.isArray(claims.roles) ? (claims.roles as string[]) : [];
  return {
    token,
    header,
    claims,
    subject,
    context,
    reissue: (twist, twistedHeader = {}) =>
      context.token({ subject, roles, scopes }, { claims: twist, header: twistedHeader }),
  };
}

export const tokenAttacks: readonly Attack[] = rows.map(tokenAttack);
