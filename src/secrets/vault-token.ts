// Routes of client tokens (Vault, token auth method, HTTP API).

import { secretsConfig } from './config.ts';
import { SecretsError } from './errors.ts';
import { defaultPolicy, rootPolicy } from './policy.ts';
import type { Token } from './tokens.ts';
import { envelopeResponse, noContent, tryParseSeconds } from './vault-http.ts';
import type { Context, Route } from './vault-route.ts';

function policiesOf({ policies, role }: Token): string[] {
  return [...policies, ...(role === undefined ? [] : [`service:${role}`])].sort();
}

/** A new or renewed token as the `auth` member of a response. */
export function formatAuth(token: Token, secret: string, nowMs: number) {
  const policies = policiesOf(token);
  return {
    client_token: secret,
    accessor: token.accessor,
    policies,
    token_policies: policies,
    metadata: token.meta ?? null,
    lease_duration: secondsLeft(token, nowMs),
    renewable: token.renewable,
    entity_id: '',
    token_type: 'service',
    orphan: token.parent === undefined,
    mfa_requirement: null,
    num_uses: token.usesLeft ?? 0,
  };
}

function secondsLeft({ expiresAtMs }: Token, nowMs: number): number {
  return expiresAtMs === undefined ? 0 : Math.max(0, Math.ceil((expiresAtMs - nowMs) / 1000));
}

function formatLookup(token: Token, nowMs: number, id: string) {
  return {
    accessor: token.accessor,
    creation_time: Math.floor(token.createdMs / 1000),
    creation_ttl: token.ttlSeconds,
    display_name: token.displayName,
    entity_id: '',
    expire_time: token.expiresAtMs === undefined ? null : new Date(token.expiresAtMs).toISOString(),
    explicit_max_ttl: 0,
    id,
    issue_time: new Date(token.createdMs).toISOString(),
    meta: token.meta ?? null,
    num_uses: token.usesLeft ?? 0,
    orphan: token.parent === undefined,
    path: token.path,
    policies: policiesOf(token),
    renewable: token.renewable,
    ttl: secondsLeft(token, nowMs),
    type: 'service',
  };
}

const lookupSelf = async ({ caller, nowMs, requestId, secret }: Context) =>
  envelopeResponse(requestId, { data: formatLookup(caller.token, nowMs, secret) });

const mustBe = (what: string): SecretsError => new SecretsError('secrets.bad-request', what);

function parseTtl(value: unknown, fallback: number): number {
  if (value === undefined || value === '' || value === null) return fallback;
  const seconds = tryParseSeconds(value);
  if (seconds === undefined) throw mustBe('the duration is not valid');
  return seconds;
}

async function renewSelf({ caller, tokens, body, nowMs, requestId, secret }: Context) {
  const renewed = await tokens.renew(caller.token, parseTtl(body.increment, 0));
  return envelopeResponse(requestId, { auth: formatAuth(renewed, secret, nowMs) });
}

// What a token may be asked to be, and this store does not make. Refused, because a client that asks relies on it.
const unsupported = ['id', 'period', 'entity_alias', 'type', 'wrap_ttl'] as const;

function checkSupported(body: Context['body']): void {
  const isDefault = (name: string): boolean =>
    [undefined, null, '', '0', 0, 'service', 'default'].includes(body[name] as string);
  const asked = unsupported.find((name) => !isDefault(name));
  if (asked !== undefined) throw mustBe(`\`${asked}\` is not supported`);
}

function parseTexts(value: unknown, what: string): string[] {
  if (value === undefined || value === null) return [];
  const list = Array.isArray(value) ? value : [value];
  if (list.length <= 64 && list.every((item) => typeof item === 'string' && item.length <= 256))
    return list as string[];
  throw mustBe(`\`${what}\` must be a list of texts`);
}

function parseMeta(value: unknown): Readonly<Record<string, string>> | undefined {
  if (value === undefined || value === null) return undefined;
  const entries = typeof value === 'object' ? Object.entries(value) : [];
  if (entries.length > 64 || entries.some(([, text]) => typeof text !== 'string' || text.length > 512)) {
    throw mustBe('`meta` must be short texts by name');
  }
  return Object.fromEntries(entries) as Record<string, string>;
}

async function createToken(context: Context) {
  const { caller, tokens, authority, body, nowMs, requestId } = context;
  checkSupported(body);
  const asked = parseTexts(body.policies, 'policies');
  const granted = asked.length > 0 ? asked : caller.token.policies;
  if (!authority.mayGrant(caller.token, granted)) {
    throw new SecretsError('secrets.permission-denied', 'child policies must be subset of parent');
  }
  const policies = body.no_default_policy === true ? granted : [...new Set([...granted, defaultPolicy.name])];
  const isRoot = caller.token.policies.includes(rootPolicy.name);
  if (body.no_parent === true && !isRoot) {
    throw new SecretsError('secrets.permission-denied', 'root or sudo privileges required to create orphan token');
  }
  const meta = parseMeta(body.meta);
  const issued = await tokens.create({
    principal: caller.token.principal,
    displayName: ['token', ...parseTexts(body.display_name, 'display_name')].join('-'),
    path: 'auth/token/create',
    policies: policies.includes(rootPolicy.name) ? [rootPolicy.name] : policies,
    ...lifeOf(context, policies),
    ...(body.no_parent !== true && { parent: caller.token.hash }),
    ...(caller.token.role !== undefined && asked.length === 0 && { role: caller.token.role }),
    ...(meta !== undefined && { meta }),
  });
  return envelopeResponse(requestId, { auth: formatAuth(issued, issued.secret, nowMs) });
}

// A token never outlives the one that made it, unless it is an orphan.
function lifeOf({ caller: { token }, body, nowMs }: Context, policies: readonly string[]) {
  const wanted = parseTtl(body.ttl, 0);
  const explicit = parseTtl(body.explicit_max_ttl, 0) || secretsConfig.maxTtlSeconds;
  const left = token.expiresAtMs === undefined || body.no_parent === true ? explicit : secondsLeft(token, nowMs);
  const maxTtlSeconds = Math.min(explicit, left, secretsConfig.maxTtlSeconds);
  const forever = wanted === 0 && policies.includes(rootPolicy.name) && token.expiresAtMs === undefined;
  const uses = Number(body.num_uses ?? 0);
  if (!Number.isSafeInteger(uses) || uses < 0) throw mustBe('`num_uses` must be a number');
  return {
    ttlSeconds: forever ? 0 : Math.min(wanted || secretsConfig.defaultTtlSeconds, maxTtlSeconds),
    maxTtlSeconds,
    renewable: body.renewable !== false,
    uses,
  };
}

function parseAccessor({ body: { accessor } }: Context): string {
  if (typeof accessor !== 'string' || accessor === '') throw mustBe('missing accessor');
  return accessor;
}

async function findByAccessor(context: Context): Promise<Token> {
  const token = await context.tokens.findByAccessor(parseAccessor(context));
  if (token === undefined) throw mustBe('invalid accessor');
  return token;
}

/** Routes below `auth/token`. */
export const tokenRoutes: readonly Route[] = [
  { methods: ['GET'], path: 'auth/token/lookup-self', needs: 'read', action: 'token.lookup', run: lookupSelf },
  {
    methods: ['POST', 'PUT'],
    path: 'auth/token/lookup-self',
    needs: 'update',
    action: 'token.lookup',
    run: lookupSelf,
  },
  {
    methods: ['POST', 'PUT'],
    path: 'auth/token/renew-self',
    needs: 'update',
    action: 'token.renew',
    changes: true,
    run: renewSelf,
  },
  {
    methods: ['POST', 'PUT'],
    path: 'auth/token/revoke-self',
    needs: 'update',
    action: 'token.revoke',
    changes: true,
    run: async ({ caller, tokens }) => {
      await tokens.revoke(caller.token.hash);
      return noContent;
    },
  },
  {
    methods: ['POST', 'PUT'],
    path: 'auth/token/create',
    needs: 'update',
    action: 'token.create',
    changes: true,
    run: createToken,
  },
  {
    methods: ['POST', 'PUT'],
    path: 'auth/token/lookup-accessor',
    needs: 'update',
    action: 'token.lookup',
    run: async (context) =>
      envelopeResponse(context.requestId, { data: formatLookup(await findByAccessor(context), context.nowMs, '') }),
  },
  {
    methods: ['POST', 'PUT'],
    path: 'auth/token/revoke-accessor',
    needs: 'update',
    action: 'token.revoke',
    changes: true,
    run: async (context) => {
      await context.tokens.revoke((await findByAccessor(context)).hash);
      return noContent;
    },
  },
];
