// Who may do what: from a client token to the rules that hold for it.

import type { Weaknesses } from '../api/protections.ts';
import type { Principal } from '../api/record.ts';
import { SecretsError } from './errors.ts';
import { type Acl, type Capability, createAcl, defaultPolicy, type Policy, rootPolicy } from './policy.ts';
import type { FindServiceRole, ServiceRole } from './ports.ts';
import type { Token, Tokens } from './tokens.ts';

/** The mount of the key-value engine. */
export const kvMount = 'secret';

/** What a workload may do: read exactly the paths of its manifest. */
export function servicePolicy({ service, paths }: ServiceRole): Policy {
  const rules = paths.map((path) => ({ path: `${kvMount}/data/${path}`, capabilities: ['read'] as const }));
  return { name: `service/${service}`, rules };
}

/** An authenticated caller. */
export interface Caller {
  readonly token: Token;
  readonly acl: Acl;
}

/** Authenticates and authorises callers. */
export interface Authority {
  /** The caller of `secret`. Errors: `secrets.token-missing`, `secrets.permission-denied`. */
  authenticate(secret: string | undefined): Promise<Caller>;
  /** Throws `secrets.permission-denied` unless `caller` may do that. */
  authorise(caller: Caller, path: string, capability: Capability): void;
  /** Names of the policies that a token of `token` may hand on. */
  mayGrant(token: Token, policies: readonly string[]): boolean;
}

/** What decides. */
export interface AuthorityParts {
  readonly tokens: Tokens;
  readonly findServiceRole: FindServiceRole;
  /** Policies beside `root`, `default` and those of services. */
  readonly policies: () => readonly Policy[];
  readonly weaknesses: Weaknesses;
}

const nobody: Principal = { kind: 'anonymous', id: '' };

/** The authority over `parts`. */
export function createAuthority({ tokens, findServiceRole, policies, weaknesses }: AuthorityParts): Authority {
  const policiesOf = ({ policies: names, role }: Token): Policy[] => {
    const known = new Map([rootPolicy, defaultPolicy, ...policies()].map((policy) => [policy.name, policy]));
    const named = names.flatMap((name) => known.get(name) ?? []);
    const service = role === undefined ? undefined : findServiceRole(role);
    return service === undefined ? named : [...named, servicePolicy(service)];
  };
  const callerOf = (token: Token): Caller => ({ token, acl: createAcl(policiesOf(token)) });

  return {
    async authenticate(secret) {
      if (weaknesses.has('secrets.token')) return callerOf(anyone);
      if (secret === undefined || secret === '')
        throw new SecretsError('secrets.token-missing', 'missing client token');
      const token = await tokens.use(secret);
      if (token === undefined) throw denied();
      return callerOf(token);
    },
    authorise({ acl }, path, capability) {
      if (!weaknesses.has('secrets.acl') && !acl.allows(path, capability)) throw denied();
    },
    mayGrant: ({ policies: held }, wanted) =>
      held.includes(rootPolicy.name) || wanted.every((name) => held.includes(name) || name === defaultPolicy.name),
  };
}

// Who everyone is while tokens are not looked at.
const anyone: Token = {
  hash: '',
  accessor: '',
  principal: nobody,
  displayName: 'anyone',
  path: '',
  policies: [rootPolicy.name],
  createdMs: 0,
  ttlSeconds: 0,
  renewable: false,
};

function denied(): SecretsError {
  return new SecretsError('secrets.permission-denied', 'permission denied');
}
