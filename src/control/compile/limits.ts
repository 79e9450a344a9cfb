import type { ApiKeyLimit } from '../../api/authn.ts';
import type { LimitKey, LimitRule, LimitsSection } from '../../api/limits.ts';
import type { CountedBy, GatewayLimits, Manifest, Quota, RateLimit, Route } from '../../manifest/index.ts';
import { routeName } from './names.ts';

const dayMs = 86_400_000;

/** Every limit of the manifest as rules. A route's rules stand under its place in the manifest: `routes[2]`. */
export function compileLimits({ gateway, routes }: Manifest, apiKeys: readonly ApiKeyLimit[] = []): LimitsSection {
  const everywhere = callerRules('gateway', 'gateway.limits', gateway.limits);
  const whole = gatewayRules(gateway.limits);
  const ofRoute = (route: Route, index: number): LimitRule[] => {
    // A public route does not know its callers; what counts by them would count addresses instead.
    const shared = route.auth === 'public' ? [] : everywhere;
    return [...shared, ...withOwnNames(routeRules(route, index, routes), [...whole, ...shared])];
  };
  const costs = routes.flatMap(({ limits: { cost } }, index): [string, Record<string, number>][] =>
    isPlain(cost) ? [] : [[`routes[${index}]`, { ...cost }]],
  );
  const keys = apiKeys.map(({ id, limit }): [string, LimitRule[]] => [id, [apiKeyRule(id, limit)]]);
  return {
    ipv6PrefixBits: gateway.limits.ipv6Prefix,
    gateway: whole,
    routes: Object.fromEntries(routes.map((route, index) => [`routes[${index}]`, ofRoute(route, index)])),
    ...(costs.length === 0 ? {} : { costs: Object.fromEntries(costs) }),
    ...(keys.length === 0 ? {} : { apiKeys: Object.fromEntries(keys) }),
  };
}

/** One answer tells of all limits that were asked, each by a name of its own: `perIp` and `perIp.route`, `quota` and `quota.month`. */
function withOwnNames(rules: readonly LimitRule[], others: readonly LimitRule[]): LimitRule[] {
  const taken = new Set(others.map(({ name }) => name));
  return rules.map((rule) => {
    const more = rule.kind === 'quota' ? rule.period : 'route';
    let { name } = rule;
    for (let at = 1; taken.has(name); at++) name = `${rule.name.slice(0, 50)}.${more}${at === 1 ? '' : at}`;
    taken.add(name);
    return name === rule.name ? rule : { ...rule, name };
  });
}

function isPlain(cost: Route['limits']['cost']): boolean {
  return Object.values(cost).every((tokens) => tokens === 1);
}

/** What is checked before anyone is authenticated. */
function gatewayRules({ perIp, total }: GatewayLimits): LimitRule[] {
  return [
    ...(perIp === undefined ? [] : [rateRule('gateway', 'perIp', 'ip', perIp, 'gateway.limits.perIp')]),
    ...(total === undefined ? [] : [rateRule('gateway', 'total', 'all', total, 'gateway.limits.total')]),
  ];
}

function routeRules(route: Route, index: number, routes: readonly Route[]): LimitRule[] {
  const { limits } = route;
  const owner = routeName(route, routes);
  const place = `routes[${index}].limits`;
  const { perIp, perRoute, concurrency } = limits;
  return [
    ...(perIp === undefined ? [] : [rateRule(owner, 'perIp', 'ip', perIp, `${place}.perIp`)]),
    ...callerRules(owner, place, limits),
    ...(perRoute === undefined ? [] : [rateRule(owner, 'perRoute', 'route', perRoute, `${place}.perRoute`)]),
    ...limits.quota.map((quota) => quotaRule(owner, quota, `${place}.quota`)),
    ...(concurrency === undefined ? [] : [concurrencyRule(owner, concurrency, `${place}.concurrency`)]),
  ];
}

/** The rates that count by who calls. */
function callerRules(
  owner: string,
  place: string,
  limits: Pick<GatewayLimits, 'perUser' | 'perClient' | 'perApiKey' | 'perClaim'>,
): LimitRule[] {
  const rates: [key: 'perUser' | 'perClient' | 'perApiKey', by: LimitKey][] = [
    ['perUser', 'user'],
    ['perClient', 'client'],
    ['perApiKey', 'apiKey'],
  ];
  return [
    ...rates.flatMap(([key, by]) => {
      const rate = limits[key];
      return rate === undefined ? [] : [rateRule(owner, key, by, rate, `${place}.${key}`)];
    }),
    ...(limits.perClaim ?? []).map(({ claim, ...rate }) => ({
      ...rateRule(owner, `perClaim:${claim}`, { claim }, rate, `${place}.perClaim`),
      name: nameOf('perClaim', { claim }),
    })),
  ];
}

function rateRule(owner: string, name: string, by: LimitKey, rate: RateLimit, origin: string): LimitRule {
  const { count, periodMs, text, burst } = rate;
  const id = `${owner}:${name}`;
  return { kind: 'rate', id, name, by, origin, text, count, periodMs, ...(burst === undefined ? {} : { burst }) };
}

/** A quota is counted by the calendar where it is written per day or month, else as a rate. */
function quotaRule(owner: string, { by, ...quota }: Quota, origin: string): LimitRule {
  const { count, periodMs, text } = quota;
  const period = periodMs < dayMs ? text.slice(text.indexOf('/') + 1) : periodMs === dayMs ? 'day' : 'month';
  const id = `quota:${period}:${typeof by === 'object' ? `claim ${by.claim}` : by}`;
  const name = nameOf('quota', by);
  if (period !== 'day' && period !== 'month') return { ...rateRule(owner, id, by, quota, origin), name };
  return { kind: 'quota', id: `${owner}:${id}`, name, by, origin, text, count, period };
}

function concurrencyRule(owner: string, { count, by }: { count: number; by: CountedBy }, origin: string): LimitRule {
  const name = 'concurrency';
  return { kind: 'concurrency', id: `${owner}:${name}`, name, by, origin, text: String(count), count };
}

/** The limit of one API key, over all routes. */
function apiKeyRule(id: string, limit: ApiKeyLimit['limit']): LimitRule {
  return { ...rateRule('apiKey', id, 'apiKey', limit, `the API key ${id}`), name: 'apiKey' };
}

/** As the caller sees it in `RateLimit-Policy`. */
function nameOf(key: string, by: CountedBy): string {
  if (by === 'user') return key;
  const suffix = typeof by === 'object' ? by.claim : by;
  return `${key}.${suffix}`.replace(/[^A-Za-z0-9_.-]/g, '_').slice(0, 64);
}
