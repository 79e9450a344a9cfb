import { noWeaknesses, type Weaknesses } from '../api/protections.ts';
import type { Principal } from '../api/record.ts';
import type { Clock } from '../core/clock.ts';
import type { Store } from '../storage/index.ts';
import { type Audited, createAudited } from './audited.ts';
import { createAuthority, kvMount } from './authority.ts';
import { secretsConfig } from './config.ts';
import { SecretsError } from './errors.ts';
import { createKv, type Fields, type Kv } from './kv.ts';
import { defaultPolicy, type Policy, rootPolicy } from './policy.ts';
import type { FindServiceRole, RecordAccess, VerifySvid } from './ports.ts';
import { resolveServiceSecrets, type SecretsPlan, type ServiceSecrets } from './service-secrets.ts';
import { createTokens, type IssuedToken, type TokenRequest, type Tokens } from './tokens.ts';
import { createVaultHandler, type VaultHandler } from './vault.ts';
import type { SealState } from './vault-system.ts';

/** What the secrets store is made of. */
export interface SecretsOptions {
  /** A store behind the barrier. */
  readonly store: Store;
  readonly clock: Clock;
  /** Records every access. While it fails, nothing is given out and nothing changed. */
  readonly emit: RecordAccess;
  /** What a workload may read, from the manifest that holds now. */
  readonly findServiceRole: FindServiceRole;
  /** Whether the barrier is open. */
  readonly sealState: () => Promise<SealState>;
  /** Verifies the certificates of a peer, where the listener gives these instead of a SPIFFE ID. */
  readonly verifySvid?: VerifySvid;
  /** Policies by name, beside `root`, `default` and those of services. */
  readonly policies?: () => readonly Policy[];
  readonly weaknesses?: Weaknesses;
}

/** A version of a secret, as people handle it. */
export interface SecretValue {
  readonly version: number;
  readonly fields: Readonly<Record<string, string>>;
}

/** Secrets as an authenticated operator handles them. Every call is recorded under the operator's name. */
export interface OperatorSecrets {
  /** The newest version; undefined where there is none, or where it was deleted. */
  get(path: string): Promise<SecretValue | undefined>;
  put(path: string, fields: Fields): Promise<{ readonly version: number }>;
  /** Paths of all secrets below a folder (`''`: all). */
  list(folder: string): Promise<readonly string[]>;
  /** Removes a secret with all its versions; false where there was none. */
  delete(path: string): Promise<boolean>;
}

/** The secrets store. */
export interface Secrets {
  /** Vault's HTTP API. */
  readonly handle: VaultHandler;
  /** A short-lived token that may read what the workload's manifest names. Error: `secrets.login-refused`. */
  login(spiffeId: string): Promise<IssuedToken>;
  /** A token of the policy `root`, for an operator. It expires after `ttlSeconds`. */
  mintRootToken(operator: Principal, ttlSeconds: number): Promise<IssuedToken>;
  /** The store as `operator` uses it, who was authenticated elsewhere. */
  asOperator(operator: Principal): OperatorSecrets;
  /** The secrets that a service's manifest names. Error: `secrets.missing`. */
  resolveServiceSecrets(plan: SecretsPlan): Promise<ServiceSecrets>;
}

/** The secrets store over a store behind the barrier. */
export function createSecrets(options: SecretsOptions): Secrets {
  const { store, clock, findServiceRole, sealState, policies = () => [], weaknesses = noWeaknesses } = options;
  const kv = createKv({ store, clock, mount: kvMount });
  const tokens = createTokens({ store, clock });
  const audited = createAudited(options.emit);
  const authority = createAuthority({ tokens, findServiceRole, policies, weaknesses });
  const login = createLogin(tokens, audited, findServiceRole);
  const { verifySvid } = options;
  return {
    handle: createVaultHandler({ clock, kv, tokens, authority, audited, sealState, login, verifySvid }),
    login,
    mintRootToken: (operator, ttlSeconds) => mintRootToken(tokens, audited, operator, ttlSeconds),
    asOperator: (operator) => operatorSecrets(kv, audited, operator),
    resolveServiceSecrets: (plan) => resolveServiceSecrets(kv, audited, plan),
  };
}

const loginPath = 'auth/svid/login';

function createLogin(tokens: Tokens, audited: Audited, findServiceRole: FindServiceRole): Secrets['login'] {
  return async (spiffeId) => {
    const actor: Principal = { kind: 'workload', id: spiffeId };
    const access = { actor, action: 'secrets.login', target: loginPath };
    const role = findServiceRole(spiffeId);
    if (role === undefined) {
      const error = new SecretsError('secrets.login-refused', 'this workload has no secrets');
      await audited.refuse(access, error);
      throw error;
    }
    const request: TokenRequest = {
      principal: actor,
      displayName: `svid-${role.service}`,
      path: loginPath,
      policies: [defaultPolicy.name],
      role: spiffeId,
      meta: { service: role.service, spiffe_id: spiffeId },
      ttlSeconds: secretsConfig.loginTtlSeconds,
      maxTtlSeconds: secretsConfig.loginTtlSeconds,
      renewable: false,
    };
    return audited.change({ ...access, detail: { service: role.service } }, () => tokens.create(request));
  };
}

function mintRootToken(
  tokens: Tokens,
  audited: Audited,
  operator: Principal,
  ttlSeconds: number,
): Promise<IssuedToken> {
  const path = 'auth/token/create';
  const request: TokenRequest = {
    principal: operator,
    displayName: `operator-${operator.id}`,
    path,
    policies: [rootPolicy.name],
    ttlSeconds,
    renewable: false,
  };
  return audited.change({ actor: operator, action: 'token.create', target: path }, () => tokens.create(request));
}

function operatorSecrets(kv: Kv, audited: Audited, actor: Principal): OperatorSecrets {
  const data = (action: string, path: string) => ({ actor, action, target: `${kvMount}/data/${path}` });
  return {
    get: (path) =>
      audited.read(data('secret.read', path), async () => {
        const secret = await kv.read(path);
        if (!secret?.fields) return undefined;
        return { version: secret.version, fields: toTexts(secret.fields) };
      }),
    put: (path, fields) =>
      audited.change(data('secret.write', path), async () => {
        const { version } = await kv.write(path, fields);
        return { version };
      }),
    list: (folder) =>
      audited.read({ actor, action: 'secret.list', target: `${kvMount}/metadata/${folder}` }, () => kv.paths(folder)),
    delete: (path) => audited.change(data('secret.metadata.delete', path), () => kv.deleteMetadata(path)),
  };
}

function toTexts(fields: Fields): Readonly<Record<string, string>> {
  const texts = Object.entries(fields).map(
    ([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)] as const,
  );
  return Object.fromEntries(texts);
}
