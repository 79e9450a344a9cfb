import type { ApiKeySummary, Expiry, NewApiKey } from '../api/admin.ts';
import type { Principal } from '../api/record.ts';
import type { AdminPorts } from '../control/index.ts';
import { hasCode } from '../core/errors.ts';
import { expiringAuthorities } from '../identity/index.ts';
import type { Manifest } from '../manifest/index.ts';
import type { ApiKey, MintedApiKey } from '../oidc/index.ts';
import type { ControlParts } from './control-parts.ts';
import { mintProbeCredentials } from './probe-credentials.ts';

const operator: Principal = { kind: 'operator', id: 'admin-token' };

/** The admin API's functions over the parts of control. */
export function createAdminPorts(parts: ControlParts): AdminPorts {
  const { foundation, distributor, publisher, services, problems, endpoints } = parts;
  const { ledger } = foundation;
  return {
    status: async () => ({
      snapshot: publisher.current().version,
      roles: distributor.roles,
      services: [...services.values()],
      expiries: await expiriesOf(parts),
      warnings: problems,
    }),
    findRecord: async (id) => ledger.findById(id),
    queryRecords: async (query) => ledger.query(withoutUndefined(query)),
    endpoints: async () => endpoints.findings(),
    users: userPorts(parts),
    apiKeys: apiKeyPorts(parts),
    secrets: secretPorts(parts),
    probeCredentials: (request) => mintProbeCredentials(request, parts),
    ledgerKey: () => foundation.ledgerKey,
    checkpoint: () => ledger.signCheckpoint(),
    reload: publisher.reload,
    record: (decision) => void ledger.append([decision]).catch(() => undefined),
  };
}

function userPorts({ provider }: ControlParts): AdminPorts['users'] {
  const { accounts } = provider;
  const known = async (task: () => Promise<void>): Promise<boolean> => {
    try {
      await task();
      return true;
    } catch (error) {
      if (hasCode(error, 'oidc.user-unknown')) return false;
      throw error;
    }
  };
  return {
    list: async () =>
      (await accounts.list()).map(({ name, roles, email, declared, disabled }) => ({
        name,
        roles,
        declared,
        disabled,
        ...(email === undefined ? {} : { email }),
      })),
    add: async ({ name, roles, email, password }) => {
      const generated = await accounts.add(name, { roles, email, ...(password === undefined ? {} : { password }) });
      return password === undefined && generated !== undefined ? { password: generated } : {};
    },
    remove: (name) =>
      known(async () => {
        await accounts.remove(name);
        await provider.revokeUser(name);
      }),
    setPassword: async (name, password) => {
      let set: string | undefined;
      const found = await known(async () => {
        set = await accounts.setPassword(name, password);
        await provider.revokeUser(name);
      });
      if (!found) return undefined;
      return password === undefined && set !== undefined ? { password: set } : {};
    },
    setRoles: (name, roles) =>
      known(async () => {
        await accounts.update(name, { roles });
        await provider.revokeUser(name);
      }),
  };
}

function apiKeyPorts({ provider: { apiKeys } }: ControlParts): AdminPorts['apiKeys'] {
  const told = ({ key, record: { id, expiresAtMs } }: MintedApiKey): NewApiKey => ({ id, key, expiresAtMs });
  return {
    list: async () => (await apiKeys.list()).map(summaryOf),
    create: async (request) => told(await apiKeys.mint(request)),
    rotate: async (id, rotation) => told(await apiKeys.rotate(id, rotation)),
    revoke: (id) => apiKeys.revoke(id),
  };
}

function summaryOf({ id, principal, label, owner, limit, secrets, createdAtMs }: ApiKey): ApiKeySummary {
  const [current, former] = secrets;
  return {
    id,
    client: principal.id,
    label,
    ...(owner === undefined ? {} : { owner }),
    roles: principal.roles ?? [],
    scopes: principal.scopes ?? [],
    ...(limit === undefined ? {} : { limit: limit.text }),
    createdAtMs,
    expiresAtMs: current?.expiresAtMs ?? 0,
    ...(former === undefined ? {} : { formerExpiresAtMs: former.expiresAtMs }),
  };
}

function secretPorts({ foundation: { secrets } }: ControlParts): AdminPorts['secrets'] {
  return secrets.asOperator(operator);
}

/** Everything that ends by itself, soonest first. */
async function expiriesOf({ foundation, publisher, provider }: ControlParts): Promise<Expiry[]> {
  const { manifest, edgeCertificateExpiresMs } = publisher.current();
  const authorities = expiringAuthorities(manifest.trustDomain, await foundation.authority.authorities());
  const entries: Expiry[] = [
    ...authorities.map(({ kind, name, expiresAtMs }) => ({ kind, name, expiresAtMs })),
    { kind: 'certificate', name: 'development CA', expiresAtMs: foundation.developmentCa.notAfterMs },
    {
      kind: 'certificate',
      name: `edge certificate of ${manifest.gateway.publicUrl}`,
      expiresAtMs: edgeCertificateExpiresMs,
    },
    ...(await provider.apiKeys.list()).map(({ id, principal, secrets }) => ({
      kind: 'API key',
      name: `${id} of ${principal.id}`,
      expiresAtMs: secrets[0]?.expiresAtMs ?? 0,
    })),
    ...(provider.embedded === undefined
      ? []
      : [{ kind: 'key', name: `signing key of ${provider.issuer}`, expiresAtMs: provider.embedded.rotatesAtMs() }]),
    ...virtualPatches(manifest),
  ];
  // A gateway that speaks plain HTTP has no certificate that could expire.
  return entries
    .filter(({ expiresAtMs }) => Number.isFinite(expiresAtMs))
    .sort((a, b) => a.expiresAtMs - b.expiresAtMs);
}

function virtualPatches({ routes }: Manifest): Expiry[] {
  return routes.flatMap(({ path, waf }) =>
    waf.patches.map(({ id, owner, expires }) => ({
      kind: 'patch',
      name: `virtual patch ${id} on ${path}, of ${owner}`,
      expiresAtMs: Date.parse(expires),
    })),
  );
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
