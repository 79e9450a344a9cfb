// The admin API: what the CLI and the console say to control. Bodies that come in are checked against these schemas.
import { z } from 'zod';

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$/);
const password = z.string().min(8).max(1024);

export const newUser = z.strictObject({
  name,
  roles: z.array(name).max(100).default([]),
  email: z.email().optional(),
  /** Generated where it is missing. */
  password: password.optional(),
});

export const newPassword = z.strictObject({ password: password.optional() });
export const newRoles = z.strictObject({ roles: z.array(name).max(100) });

export const apiKeyId = z.string().regex(/^[0-9a-z]{1,64}$/);

export const newApiKey = z.strictObject({
  /** The client's name in decisions and policies. */
  client: name,
  label: z.string().max(200).default(''),
  owner: z.string().max(200).optional(),
  roles: z.array(name).max(100).default([]),
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/))
    .max(100)
    .default([]),
  ttlSeconds: z.int(),
  limit: z.string().max(64).optional(),
});
export const apiKeyRotation = z.strictObject({ overlapSeconds: z.int(), ttlSeconds: z.int().optional() });

/** An API key as it is listed: nothing of its secrets. */
export interface ApiKeySummary {
  readonly id: string;
  readonly client: string;
  readonly label: string;
  readonly owner?: string;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  readonly limit?: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  /** Until when the secret before the last rotation works, where it still does. */
  readonly formerExpiresAtMs?: number;
}

/** A key, told this once. */
export interface NewApiKey {
  readonly id: string;
  readonly key: string;
  readonly expiresAtMs: number;
}

/** Path below the KV mount `secret/`. */
export const secretPath = z.string().regex(/^[A-Za-z0-9._-]{1,128}(?:\/[A-Za-z0-9._-]{1,128}){0,15}$/);
export const secretFields = z.strictObject({
  fields: z.record(z.string().regex(/^[A-Za-z0-9._-]{1,128}$/), z.string().max(65_536)),
});

/** Which records to give, newest first. */
export const recordQuery = z.strictObject({
  since: z.coerce.number().int().optional(),
  until: z.coerce.number().int().optional(),
  verdict: z.enum(['allow', 'deny', 'error']).optional(),
  service: z.string().max(256).optional(),
  principal: z.string().max(1024).optional(),
  route: z.string().max(1024).optional(),
  code: z.string().max(128).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(50),
});
export type RecordQuery = z.infer<typeof recordQuery>;

/**
 * Credentials with which `merlon prove` attacks the deployment that it belongs to. They live for a minute, and the
 * ledger says that they were issued.
 */
export const probeRequest = z.discriminatedUnion('kind', [
  /** An X.509-SVID of a service, for a fresh key; `expired`: one whose time is over already. */
  z.strictObject({ kind: z.literal('svid'), service: name, expired: z.boolean().default(false) }),
  /** A secrets token as a service's login would give it. */
  z.strictObject({ kind: z.literal('secrets-token'), service: name }),
  /** An API key that the gateway knows; `revoked`: that it knew, and no longer does. */
  z.strictObject({
    kind: z.literal('api-key'),
    roles: z.array(name).default([]),
    scopes: z.array(z.string().max(128)).default([]),
    revoked: z.boolean().default(false),
  }),
  /** A token signed by the embedded issuer with claims of the attack's choice, or with a key that it does not know. */
  z.strictObject({
    kind: z.literal('access-token'),
    subject: z.string().max(256),
    roles: z.array(name).default([]),
    scopes: z.array(z.string().max(128)).default([]),
    /** Replaces or adds claims; null removes one. */
    claims: z.record(z.string(), z.unknown()).default({}),
    /** Replaces or adds header members. */
    header: z.record(z.string(), z.unknown()).default({}),
    key: z.enum(['issuer', 'foreign']).default('issuer'),
  }),
]);
export type ProbeRequest = z.infer<typeof probeRequest>;

export interface ProbeCredentials {
  /** PEM chain and PKCS#8 key of an SVID. */
  readonly certificate?: string;
  readonly key?: string;
  readonly token?: string;
}

export interface UserSummary {
  readonly name: string;
  readonly roles: readonly string[];
  readonly email?: string;
  readonly declared: boolean;
  readonly disabled: boolean;
}

export interface ServiceStatus {
  readonly service: string;
  readonly state: string;
  readonly pid?: number;
}

/** Something that ends, and when. */
export interface Expiry {
  readonly kind: string;
  readonly name: string;
  /** Epoch milliseconds. */
  readonly expiresAtMs: number;
}

export interface SecretVersion {
  readonly version: number;
  readonly fields: Readonly<Record<string, string>>;
}

/** Where the CLI finds control; kept in the state folder. */
export interface AdminAddress {
  readonly url: string;
}
