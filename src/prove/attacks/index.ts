import type { Attack } from '../attack.ts';
import { accessAttacks } from './access.ts';
import { adminAttacks } from './admin.ts';
import { apiKeyAttacks } from './api-keys.ts';
import { boundsAttacks } from './bounds.ts';
import { clientCertificateAttacks } from './client-certificates.ts';
import { encodingAttacks } from './encodings.ts';
import { framingAttacks } from './framing.ts';
import { graphqlAttacks } from './graphql.ts';
import { grpcAttacks } from './grpc.ts';
import { guessingAttack } from './guessing.ts';
import { http2Attacks } from './http2.ts';
import { identityAttacks } from './identity.ts';
import { inputAttacks } from './input.ts';
import { leakAttacks } from './leaks.ts';
import { ledgerAttacks } from './ledger.ts';
import { limitAttacks } from './limits.ts';
import { meshAttacks } from './mesh.ts';
import { pathAttacks } from './paths.ts';
import { providerAttacks } from './provider.ts';
import { scannerAttacks } from './scanners.ts';
import { secretsAttacks } from './secrets.ts';
import { tokenAttacks } from './tokens.ts';
import { transportAttacks } from './transport.ts';
import { wafAttacks } from './waf.ts';

/** Every attack there is, from the outside in. */
export const attacks: readonly Attack[] = [
  ...transportAttacks,
  ...clientCertificateAttacks,
  ...framingAttacks,
  ...http2Attacks,
  ...pathAttacks,
  ...boundsAttacks,
  ...tokenAttacks,
  ...apiKeyAttacks,
  ...providerAttacks,
  guessingAttack,
  ...accessAttacks,
  ...identityAttacks,
  ...inputAttacks,
  ...graphqlAttacks,
  ...grpcAttacks,
  ...leakAttacks,
  ...wafAttacks,
  ...encodingAttacks,
  ...limitAttacks,
  ...scannerAttacks,
  ...meshAttacks,
  ...secretsAttacks,
  ...adminAttacks,
  ...ledgerAttacks,
];

/** Headings by the first part of an attack's id. */
export const domains: Readonly<Record<string, string>> = {
  tls: 'Transport',
  smuggling: 'Request smuggling',
  http2: 'HTTP/2',
  path: 'Paths',
  bounds: 'Sizes, times and origins',
  token: 'Tokens',
  apikey: 'API keys',
  signin: 'Sign-in',
  scope: 'Scopes',
  role: 'Roles and policies',
  owner: 'Object ownership',
  spoof: 'Spoofed identities',
  input: 'Input against the API document',
  graphql: 'GraphQL',
  grpc: 'gRPC',
  leak: 'Sensitive fields in answers',
  waf: 'Web application firewall',
  limit: 'Limits',
  scanner: 'Scanners',
  mesh: 'Service to service',
  secrets: 'Secrets',
  admin: 'Admin API',
  ledger: 'Audit ledger',
};

/** The part of an attack's id that names its domain. */
export function domainOf({ id }: Pick<Attack, 'id'>): string {
  return id.slice(0, id.indexOf('.'));
}
