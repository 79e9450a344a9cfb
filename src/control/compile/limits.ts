import type { LimitKey, LimitRule, LimitsSection } from '../../api/limits.ts';
import type { Manifest, Route, WrittenRate } from '../../manifest/index.ts';
import { routeName } from './names.ts';

const dayMs = 86_400_000;

/** Every limit of the manifest as rules. A route's rules stand under its place in the manifest: `routes[2]`. */
export function compileLimits({ gateway, routes }: Manifest): LimitsSection {
  const { perIp } = gateway.limits;
  return {
    ipv6PrefixBits: 64,
    gateway: perIp === undefined ? [] : [rateRule('gateway', 'perIp', 'ip', perIp, 'gateway.limits.perIp')],
    routes: Object.fromEntries(routes.map((route, index) => [`routes[${index}]`, routeRules(route, index, routes)])),
  };
}

function routeRules(route: Route, index: number, routes: readonly Route[]): LimitRule[] {
  const { limits } = route;
  const name = routeName(route, routes);
  const origin = (name: string): string => `routes[${index}].limits.${name}`;
  const rates: [key: 'perIp' | 'perUser' | 'perClient', by: LimitKey][] = [
    ['perIp', 'ip'],
    ['perUser', 'user'],
    ['perClient', 'client'],
  ];
  const rules: LimitRule[] = rates.flatMap(([key, by]) => {
    const rate = limits[key];
    return rate === undefined ? [] : [rateRule(name, key, by, rate, origin(key))];
  });
  if (limits.quota !== undefined) rules.push(quotaRule(name, limits.quota, origin('quota')));
  if (limits.concurrency !== undefined) {
    const count = limits.concurrency;
    rules.push({
      kind: 'concurrency',
      id: `${name}:concurrency`,
      name: 'concurrency',
      by: 'route',
      origin: origin('concurrency'),
      text: String(count),
      count,
    });
  }
  return rules;
}

function rateRule(
  owner: string,
  name: string,
  by: LimitKey,
  { count, periodMs, text }: WrittenRate,
  origin: string,
): LimitRule {
  return { kind: 'rate', id: `${owner}:${name}`, name, by, origin, text, count, periodMs };
}

/** A quota is counted by the calendar where it is written per day or month, else as a rate. */
function quotaRule(owner: string, quota: WrittenRate, origin: string): LimitRule {
  const { count, periodMs, text } = quota;
  if (periodMs < dayMs) return rateRule(owner, 'quota', 'user', quota, origin);
  return {
    kind: 'quota',
    id: `${owner}:quota`,
    name: 'quota',
    by: 'user',
    origin,
    text,
    count,
    period: periodMs === dayMs ? 'day' : 'month',
  };
}
