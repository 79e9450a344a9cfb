// Routes of the system (Vault, system backend, HTTP API): what clients ask before they do anything else.

import { kvMount } from './authority.ts';
import { SecretsError } from './errors.ts';
import { checkSecretPath } from './paths.ts';
import type { Acl } from './policy.ts';
import { bareResponse, systemResponse, type VaultResponse } from './vault-http.ts';
import type { Context, Route } from './vault-route.ts';

/** The level of Vault's API that is spoken, for clients that look at it. */
const apiVersion = '1.15.0';

/** Whether the store can be used. */
export interface SealState {
  readonly initialised: boolean;
  readonly sealed: boolean;
}

/** `sys/health`: 200 where it serves, 501 before it is initialised, 503 while it is sealed. */
export function healthResponse({ initialised, sealed }: SealState, nowMs: number): VaultResponse {
  const status = initialised ? (sealed ? 503 : 200) : 501;
  return bareResponse(status, {
    initialized: initialised,
    sealed,
    standby: false,
    performance_standby: false,
    replication_performance_mode: 'disabled',
    replication_dr_mode: 'disabled',
    server_time_utc: Math.floor(nowMs / 1000),
    version: apiVersion,
  });
}

/** `sys/seal-status`. */
export function sealStatusResponse({ initialised, sealed }: SealState): VaultResponse {
  return bareResponse(200, {
    type: 'file',
    initialized: initialised,
    sealed,
    t: 1,
    n: 1,
    progress: 0,
    nonce: '',
    version: apiVersion,
    migration: false,
    recovery_seal: false,
    storage_type: 'merlon',
  });
}

const mount = {
  accessor: 'kv_secret',
  config: { default_lease_ttl: 0, force_no_cache: false, max_lease_ttl: 0 },
  description: 'key/value secrets',
  external_entropy_access: false,
  local: false,
  options: { version: '2' },
  seal_wrap: false,
  type: 'kv',
  uuid: '',
};

const listMounts = async ({ requestId }: Context) =>
  systemResponse(requestId, { auth: {}, secret: { [`${kvMount}/`]: mount } });

// The `vault` command asks for the mount of a path, to learn which version of the engine it speaks to. Only somebody who
// may do anything at all below the mount is told.
async function readMount({ requestId, rest, caller: { acl } }: Context) {
  const inner = rest === kvMount || rest.startsWith(`${kvMount}/`) ? rest.slice(kvMount.length + 1) : undefined;
  if (inner === undefined || !mayUse(acl, inner.endsWith('/') ? inner.slice(0, -1) : inner)) {
    throw new SecretsError(
      'secrets.permission-denied',
      "preflight capability check returned 403, please ensure client's policies grant access to path",
    );
  }
  return systemResponse(requestId, { ...mount, path: `${kvMount}/` });
}

function mayUse(acl: Acl, inner: string): boolean {
  if (inner === '') return true;
  checkSecretPath(inner);
  const bare = inner.startsWith('data/') ? inner.slice('data/'.length) : inner;
  const paths = [`data/${bare}`, `metadata/${bare}`, `metadata/${bare}/`].map((path) => `${kvMount}/${path}`);
  return paths.some((path) => acl.capabilitiesOf(path).length > 0);
}

async function readCapabilities({ requestId, body, caller: { acl } }: Context) {
  const asked = body.paths ?? (body.path === undefined ? [] : [body.path]);
  const paths = Array.isArray(asked) ? asked : [asked];
  if (paths.length === 0 || paths.length > 100 || paths.some((path) => typeof path !== 'string')) {
    throw new SecretsError('secrets.bad-request', '`paths` must be a list of paths');
  }
  const named = paths.map((path: string) => {
    const granted = acl.capabilitiesOf(path.startsWith('/') ? path.slice(1) : path);
    return [path, granted.length === 0 ? ['deny'] : granted] as const;
  });
  return systemResponse(requestId, {
    ...Object.fromEntries(named),
    ...(named.length === 1 && { capabilities: named[0]?.[1] }),
  });
}

/** Routes below `sys` that ask for a token. */
export const systemRoutes: readonly Route[] = [
  { methods: ['GET'], path: 'sys/internal/ui/mounts', needs: 'read', action: 'secrets.mounts', run: listMounts },
  { methods: ['GET'], path: 'sys/internal/ui/mounts/', needs: 'read', action: 'secrets.mounts', run: readMount },
  {
    methods: ['POST', 'PUT'],
    path: 'sys/capabilities-self',
    needs: 'update',
    action: 'token.capabilities',
    run: readCapabilities,
  },
];
