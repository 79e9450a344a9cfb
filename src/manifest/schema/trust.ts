import { z } from 'zod';
import { dictionary, matching, name, refuse, scope, url } from './terms.ts';

/** Trust domain (SPIFFE ID standard, section 2.1). */
export const trustDomain = matching(
  'a trust domain',
  /^[a-z0-9._-]{1,255}$/,
  'lower-case letters, digits and `. - _`, as `shop.example`',
);

const presets = ['cognito', 'auth0', 'okta', 'entra', 'google', 'firebase', 'keycloak', 'zitadel', 'generic'] as const;

const upstreamIssuer = z.strictObject({
  preset: z.enum(presets).describe('The vendor, whose quirks are known: which claims hold client, audience and roles.'),
  issuer: url.describe('The `iss` of its tokens, character by character.'),
  audience: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .transform((audience) => (typeof audience === 'string' ? [audience] : audience))
    .describe('The `aud` that its tokens must carry: one, or a list of which one is enough.'),
  jwks: z
    .string()
    .min(1)
    .exactOptional()
    .describe('Its keys: a file, or an https URL. Default: found by OpenID discovery.'),
  roles: z
    .string()
    .min(1)
    .max(256)
    .exactOptional()
    .describe('The claim that holds roles; dots lead into objects: `realm_access.roles`. Default: by preset.'),
  scopes: z.string().min(1).max(256).exactOptional().describe('The claim that holds scopes. Default: by preset.'),
});

/** Who vouches for end users. */
export const issuer = z.union([z.literal('embedded'), upstreamIssuer]);

export const role = z.strictObject({
  scopes: z.array(scope).default([]).describe('Scopes that whoever has the role may be granted.'),
});

// Its refusal does not show the text: a person may have put the password itself there.
const argon2id = z.string().superRefine((text, context) => {
  if (!/^\$argon2id\$v=19\$[A-Za-z0-9+/=,$]{10,500}$/.test(text))
    refuse(context, 'this is not an Argon2id hash', {
      code: 'manifest.bad-value',
      hint: 'it looks like `$argon2id$v=19$m=...,t=...,p=...$salt$hash`',
    });
});

export const user = z.strictObject({
  roles: z.array(name).default([]).describe('Roles, each declared under `roles`.'),
  name: z.string().min(1).max(256).exactOptional().describe('Full name, the `name` claim.'),
  email: z.email().exactOptional().describe('The `email` claim.'),
  passwordHash: argon2id
    .exactOptional()
    .describe('Argon2id hash of the password. Without it the user has no password until one is set.'),
});

const redirectUri = url.superRefine((text, context) => {
  const { protocol, hostname } = new URL(text);
  if (protocol === 'http:' && !['localhost', '127.0.0.1', '[::1]'].includes(hostname))
    refuse(context, `\`${text}\` sends the code in clear text`, {
      code: 'manifest.bad-value',
      hint: 'use https, or a loopback address',
    });
});

export const client = z
  .strictObject({
    type: z
      .enum(['public', 'confidential'])
      .describe('`public`: cannot keep a secret (browser, mobile). `confidential`: authenticates itself.'),
    redirectUris: z.array(redirectUri).default([]).describe('Where the authorization code may be sent, exactly.'),
    grants: z
      .array(z.enum(['authorization_code', 'refresh_token', 'client_credentials']))
      .min(1)
      .default(['authorization_code'])
      .describe('OAuth grants that it may use.'),
    scopes: z.array(scope).default([]).describe('Scopes that it may ask for.'),
    roles: z.array(name).default([]).describe('Roles of the client itself, when it acts for no user.'),
  })
  .superRefine((client, context) => {
    const code = 'manifest.bad-client';
    if (client.type === 'public' && client.grants.includes('client_credentials'))
      refuse(context, 'a public client cannot use `client_credentials`', { code, hint: 'make it `confidential`' }, [
        'grants',
      ]);
    if (client.grants.includes('authorization_code') && client.redirectUris.length === 0)
      refuse(context, 'a client with `authorization_code` needs `redirectUris`', { code }, ['redirectUris']);
  });

export const roles = dictionary(name, role);
export const users = dictionary(name, user);
export const clients = dictionary(name, client);

export type UpstreamIssuer = z.output<typeof upstreamIssuer>;
export type Role = z.output<typeof role>;
export type User = z.output<typeof user>;
export type Client = z.output<typeof client>;
