import { createHash } from 'node:crypto';
import type { Variant } from '../api/record.ts';
import type { CanaryVariant } from '../api/snapshot.ts';
import type { Upstream } from '../net/index.ts';
import type { Exchange, Route } from './exchange.ts';

/** A variant, and how its service is reached. */
export interface SplitPart {
  readonly variant: CanaryVariant;
  readonly service: Route['service'];
  readonly upstream: Upstream;
}

interface Share {
  /** In parts of 1: up to where the variant's share reaches. */
  readonly end: number;
  readonly route: Route;
}

/**
 * Divides the requests of `route`: what carries the headers of a variant goes there; the rest by weight, and what no variant takes to
 * the route's own service. With `sticky` the same caller stays on the same side, in every worker, and a weight that grows only brings
 * more callers over.
 */
export function compileSplit(
  route: Route,
  parts: readonly SplitPart[],
  sticky: 'principal' | 'address' | undefined,
): NonNullable<Route['choose']> {
  const to = ({ service, upstream }: SplitPart, variant: Variant): Route => ({ ...route, service, upstream, variant });
  const byHeaders = parts
    .filter(({ variant }) => variant.headers.length > 0)
    .map((part) => ({ headers: part.variant.headers, route: to(part, 'header') }));
  let end = 0;
  const shares: Share[] = parts
    .filter(({ variant }) => variant.weight > 0)
    .map((part) => ({ end: (end += part.variant.weight / 100), route: to(part, 'weight') }));
  const rest: Route = { ...route, variant: 'rest' };
  const place = sticky === undefined ? evenly() : (exchange: Exchange) => placeOf(exchange, sticky);

  return (exchange) => {
    const { headers } = exchange.request;
    for (const match of byHeaders)
      if (match.headers.every(([name, value]) => headers.get(name) === value)) return match.route;
    if (shares.length === 0) return rest;
    const at = place(exchange);
    for (const share of shares) if (at < share.end) return share.route;
    return rest;
  };
}

// The golden ratio's fraction fills the unit interval more evenly than chance: a share of 5 % is 5 of any hundred.
const goldenFraction = (Math.sqrt(5) - 1) / 2;

function evenly(): () => number {
  let at = 0;
  return () => (at = (at + goldenFraction) % 1);
}

/** Where a caller stands between 0 and 1: always the same place on the same route. */
function placeOf({ request, caller, route }: Exchange, sticky: 'principal' | 'address'): number {
  const { kind, id, issuer = '' } = caller.principal;
  const who = sticky === 'principal' && kind !== 'anonymous' ? `${kind}\0${issuer}\0${id}` : request.client.address;
  return createHash('sha256').update(`${route.config.name}\0${who}`).digest().readUInt32BE(0) / 2 ** 32;
}
