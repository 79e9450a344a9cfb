import { z } from 'zod';
import { secretPath } from './secret-path.ts';
import { type Address, file, matching, refuse, url } from './terms.ts';

const pair = z.strictObject({
  cert: file.describe('PEM file: the certificate, then its chain.'),
  key: file.describe('PEM file: the private key, readable by its owner only.'),
});

/** Where the gateway has its certificate from. */
export const certificate = z.union([z.enum(['development', 'acme']), pair]);

/** Certificates for further names. */
export const certificates = z.array(pair);

const domain = matching(
  'a host name',
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+$/,
  '`shop.example`, in lower case and without `*`',
);

const directory = url.superRefine((text, context) => {
  if (!text.startsWith('https://'))
    refuse(context, `\`${text}\` is not https`, { code: 'manifest.bad-value', hint: 'a directory is an https URL' });
});

const externalAccount = z.strictObject({
  keyId: z.string().min(1).max(1024).describe('Key identifier that the authority gave you.'),
  macKey: secretPath.describe('Secret that holds the key (base64url) that it gave you, as `secret/acme#mac`.'),
});

/** How `certificate: acme` gets its certificate (RFC 8555). */
export const acme = z.strictObject({
  directory: directory
    .default('https://acme-v02.api.letsencrypt.org/directory')
    .describe('Directory of the certificate authority.'),
  termsAgreed: z.literal(true).describe('You agree to the terms of service of the certificate authority.'),
  contact: z.array(z.email()).default([]).describe('E-mail addresses that it may write to.'),
  domains: z
    .array(domain)
    .min(1)
    .max(100)
    .exactOptional()
    .describe('Names of the certificate. Default: the host of `publicUrl` and the hosts of the routes.'),
  challenge: z
    .enum(['http-01', 'tls-alpn-01'])
    .exactOptional()
    .describe('How the names are proven. Default: `http-01` where there is `redirect`, else `tls-alpn-01`.'),
  externalAccount: externalAccount.exactOptional().describe('External account binding, where the authority wants one.'),
  ca: file.exactOptional().describe("PEM file: roots of the authority's own server. Default: the machine's."),
});

/** What is asked of TLS at the edge. */
export const tls = z.strictObject({
  minimum: z.enum(['1.2', '1.3']).default('1.2').describe('Lowest version of TLS that is spoken.'),
});

/** Certificates that callers show. */
export const clientCertificates = z.strictObject({
  mode: z
    .enum(['optional', 'required'])
    .default('optional')
    .describe('Whether a connection needs one. One that does not verify is refused either way.'),
  ca: file.describe('PEM file: authorities whose certificates are accepted.'),
});

interface EdgeKeys {
  readonly listen: Address;
  readonly publicUrl?: string;
  readonly certificate: z.output<typeof certificate>;
  readonly acme?: z.output<typeof acme>;
  readonly redirect?: Address;
  readonly proxyProtocol: 'none' | 'required';
  readonly trustedProxies: readonly unknown[];
}

type Context = z.core.$RefinementCtx;

/** What the keys of the edge need of each other. */
export function refineEdge(edge: EdgeKeys, context: Context): void {
  const code = 'manifest.bad-gateway';
  if (edge.certificate === 'acme' && edge.acme === undefined)
    refuse(context, '`certificate: acme` needs `acme`', { code, hint: 'write `acme: { termsAgreed: true }`' }, [
      'certificate',
    ]);
  if (edge.certificate !== 'acme' && edge.acme !== undefined)
    refuse(
      context,
      '`acme` needs `certificate: acme`',
      { code: 'manifest.no-effect', hint: 'write it, or remove `acme`' },
      ['acme'],
    );
  if (edge.acme?.challenge === 'http-01' && edge.redirect === undefined)
    refuse(context, '`http-01` is asked for on a plain port', { code, hint: 'add `redirect: http://0.0.0.0:80`' }, [
      'acme',
      'challenge',
    ]);
  if (edge.redirect !== undefined && edge.redirect.scheme !== 'http')
    refuse(context, '`redirect` is a plain port', { code, hint: 'write it as `http://host:port`' }, ['redirect']);
  if (edge.proxyProtocol === 'required' && edge.trustedProxies.length === 0)
    refuse(context, '`proxyProtocol` needs `trustedProxies`', { code, hint: 'name the networks of the proxies' }, [
      'proxyProtocol',
    ]);
}
