import type { Cors } from '../../api/snapshot.ts';
import { type Answer, type Exchange, setResponseField } from '../exchange.ts';
import type { CompileFilter } from './filter.ts';

/**
 * Cross-origin calls from browsers (Fetch standard, "CORS protocol"). Without `cors`, it is the service that says who may call; with it
 * the manifest alone does, and what the service says of it is dropped.
 */
export const cors: CompileFilter = (_, { config }) => {
  const rules = config.cors;
  if (rules === undefined) return undefined;
  const allowed = new Set(rules.origins);
  const any = allowed.has('*');
  return (exchange) => {
    const { request } = exchange;
    const origin = request.headers.get('origin');
    const preflight = request.method === 'OPTIONS' && request.headers.has('access-control-request-method');
    const known = origin !== undefined && (any || allowed.has(origin));
    if (preflight) return answer(rules, known ? origin : undefined, any);
    // A cache must not give what one origin was told to another, nor what nobody asked for as a page.
    if (!any) setResponseField(exchange, 'vary', 'Origin');
    if (known) allow(exchange, rules, origin, any);
    return undefined;
  };
};

function answer(rules: Cors, origin: string | undefined, any: boolean): Answer {
  const headers: Record<string, string> = {
    vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
  };
  if (origin !== undefined) {
    headers['access-control-allow-origin'] = any ? '*' : origin;
    headers['access-control-allow-methods'] = rules.methods.join(', ');
    headers['access-control-allow-headers'] = rules.headers.join(', ');
    headers['access-control-max-age'] = String(rules.maxAgeSeconds);
    if (rules.credentials) headers['access-control-allow-credentials'] = 'true';
  }
  return { status: 204, headers };
}

function allow(exchange: Exchange, { credentials }: Cors, origin: string, any: boolean): void {
  setResponseField(exchange, 'access-control-allow-origin', any ? '*' : origin);
  if (credentials) setResponseField(exchange, 'access-control-allow-credentials', 'true');
  setResponseField(
    exchange,
    'access-control-expose-headers',
    'merlon-decision, retry-after, ratelimit, ratelimit-policy',
  );
}
