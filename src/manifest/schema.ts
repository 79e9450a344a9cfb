import { z } from 'zod';
import { gateway } from './schema/gateway.ts';
import { route } from './schema/routes.ts';
import { services } from './schema/services.ts';
import { file, refuseUnavailable } from './schema/terms.ts';
import { clients, issuer, roles, trustDomain, users } from './schema/trust.ts';

/**
 * The manifest (`merlon.yaml`): its strict grammar, defaults and documentation in one place. Unknown keys are refused.
 * Reads what a person wrote; gives it resolved: durations in milliseconds, sizes in bytes, rates as count and period.
 */
export const manifestSchema = z
  .strictObject({
    version: z.literal(1).describe('Version of this language.'),
    trustDomain: trustDomain.describe('SPIFFE trust domain: the name under which all workloads have their identities.'),
    issuers: z
      .array(issuer)
      .min(1)
      .default(['embedded'])
      .describe('Who vouches for end users: `embedded`, and issuers elsewhere.'),
    audience: z
      .string()
      .min(1)
      .exactOptional()
      .describe("The `aud` of the embedded issuer's access tokens. Default: `gateway.publicUrl`."),
    roles: roles.prefault({}).describe('Roles and the scopes they carry.'),
    users: users.prefault({}).describe('Users of the embedded issuer.'),
    clients: clients.prefault({}).describe('OAuth clients of the embedded issuer.'),
    gateway: gateway.prefault({}).describe('The edge, where callers come in.'),
    services: services.describe('The services, by name.'),
    routes: z.array(route).default([]).describe('What the gateway lets through, and to which service.'),
    policies: z
      .union([file, z.array(file)])
      .transform((value) => (typeof value === 'string' ? [value] : value))
      .default([])
      .describe('Cedar policies: a folder, or a list of files.'),
    detections: z
      .string()
      .superRefine((_, context) => refuseUnavailable(context, 'detections'))
      .exactOptional()
      .describe('Sigma rules. Not in this version.'),
  })
  .transform(({ detections: _, ...manifest }) => ({
    ...manifest,
    audience: manifest.audience ?? manifest.gateway.publicUrl,
  }));

/** The manifest, checked and resolved: every default applied, every quantity in its base unit. */
export type Manifest = z.output<typeof manifestSchema>;

/** The manifest as a person writes it. */
export type ManifestInput = z.input<typeof manifestSchema>;
