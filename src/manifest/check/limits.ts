import type { ManifestCode } from '../codes.ts';
import { suggest } from '../nearest.ts';
import type { CountedBy, RateLimit, RouteLimits } from '../schema/limits.ts';
import type { Route } from '../schema/routes.ts';
import { type CheckInput, error, type Finding, warning } from './finding.ts';

/** By which things a key of `limits` counts. */
function countedThings({ quota, concurrency, ...limits }: RouteLimits): [key: string, by: CountedBy][] {
  const by = (key: 'perUser' | 'perClient' | 'perApiKey' | 'perClaim', what: CountedBy): [string, CountedBy][] =>
    limits[key] === undefined ? [] : [[key, what]];
  return [
    ...by('perUser', 'user'),
    ...by('perClient', 'client'),
    ...by('perApiKey', 'apiKey'),
    ...by('perClaim', { claim: '' }),
    ...quota.map((each): [string, CountedBy] => ['quota', each.by]),
    ...(concurrency === undefined ? [] : [['concurrency', concurrency.by] as [string, CountedBy]]),
  ];
}

const needsNoCaller = (by: CountedBy): boolean => by === 'ip' || by === 'route';

/** What a route never learns of its callers, so that a limit cannot count by it. */
function reasonAgainst(auth: Route['auth'], key: string, by: CountedBy): [message: string, hint: string] | undefined {
  if (needsNoCaller(by)) return undefined;
  if (auth === 'public')
    return [`\`${key}\` counts by caller, and a public route does not know its callers`, 'use `perIp`'];
  if (auth === 'token' && by === 'apiKey')
    return [`\`${key}\` counts by API key, and the route takes tokens alone`, 'use `perUser` or `perClient`'];
  if (auth === 'apiKey' && typeof by === 'object')
    return [`\`${key}\` counts by a claim, and API keys have none`, 'use `perApiKey` or `perClient`'];
  return undefined;
}

/** Limits by who the caller is need callers who say so. */
export function checkCountedCallers({ draft }: CheckInput): Finding[] {
  return draft.routes.flatMap(([at, { auth, limits }]) => {
    const reasons = new Map(countedThings(limits).map(([key, by]) => [key, reasonAgainst(auth, key, by)]));
    return [...reasons].flatMap(([key, reason]) =>
      reason === undefined
        ? []
        : [{ ...error('manifest.no-effect', ['routes', at, 'limits', key], ...reason), at: 'key' as const }],
    );
  });
}

/** Every bucket of a route, by its key: how many tokens it ever holds. */
function bucketsOf({
  perUser,
  perClient,
  perApiKey,
  perIp,
  perRoute,
  perClaim = [],
  quota,
}: RouteLimits): [string, number, string][] {
  const size = (limit: RateLimit): number => limit.burst ?? limit.count;
  const rates = Object.entries({ perUser, perClient, perApiKey, perIp, perRoute });
  return [
    ...rates.flatMap(([key, limit]): [string, number, string][] =>
      limit === undefined ? [] : [[key, size(limit), limit.text]],
    ),
    ...perClaim.map((limit): [string, number, string] => ['perClaim', size(limit), limit.text]),
    ...quota.map((limit): [string, number, string] => ['quota', limit.count, limit.text]),
  ];
}

function checkCost(at: number, key: string, tokens: number, { route, api }: CostFacts): Finding[] {
  const path = key === '*' ? ['routes', at, 'limits', 'cost'] : ['routes', at, 'limits', 'cost', key];
  const found: Finding[] = [];
  const [method = '', template] = key.split(' ');
  const fault = (code: ManifestCode, message: string, hint?: string): void =>
    void found.push({ ...error(code, path, message, hint), at: key === '*' ? 'value' : 'key' });
  if (key !== '*' && route.methods !== undefined && !route.methods.some((taken) => taken === method))
    fault('manifest.no-effect', `the route does not take \`${method}\``, 'add it to `methods`, or remove it here');
  if (template !== undefined && api === undefined)
    fault(
      'manifest.no-effect',
      `\`${key}\` needs an OpenAPI document, and \`${route.service}\` has none`,
      `name the method alone: \`${method}\``,
    );
  if (template !== undefined && api !== undefined && !api.includes(template))
    fault(
      'manifest.unknown-operation',
      `the OpenAPI document of \`${route.service}\` has no path \`${template}\``,
      suggest(template, new Set(api)),
    );
  const tooSmall = bucketsOf(route.limits).find(([, size]) => tokens > size);
  if (tooSmall !== undefined)
    fault(
      'manifest.bad-limit',
      `a request that costs ${tokens} never fits into \`${tooSmall[0]}: ${tooSmall[2]}\``,
      'lower the cost, or raise the limit or its burst',
    );
  return found;
}

interface CostFacts {
  readonly route: Route;
  /** Path templates of the service's OpenAPI document. */
  readonly api: readonly string[] | undefined;
}

/** Costs are of methods and operations that the route has, and fit into its limits. */
export function checkCosts({ draft, apis, valueAt }: CheckInput): Finding[] {
  return draft.routes.flatMap(([at, route]) => {
    const written = valueAt(['routes', at, 'limits', 'cost']);
    const isMap = typeof written === 'object' && written !== null;
    const api = apis.get(route.service)?.templates;
    return Object.entries(route.limits.cost)
      .filter(([key]) => !isMap || Object.hasOwn(written, key))
      .flatMap(([key, tokens]) => checkCost(at, key, tokens, { route, api }));
  });
}

/** Counts that leave this machine in clear text can be read and changed on the way. */
export function checkSharedLimits({ draft, valueAt }: CheckInput): Finding[] {
  const url = draft.gateway?.limits.shared?.url;
  if (url === undefined || !url.startsWith('redis://')) return [];
  const { hostname } = new URL(url);
  if (hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')) return [];
  const path = ['gateway', 'limits', 'shared'];
  return [
    warning(
      'manifest.plain-redis',
      typeof valueAt(path) === 'string' ? path : [...path, 'url'],
      'counts and the password travel in clear text',
      'use `rediss://`',
    ),
  ];
}
