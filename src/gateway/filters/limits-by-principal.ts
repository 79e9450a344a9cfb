import type { LimitedCaller } from '../../limits/index.ts';
import type { Exchange, Outcome } from '../exchange.ts';
import type { CompileFilter } from './filter.ts';
import { settle } from './limits-by-ip.ts';

/** The route's limits per user, client and address, its quota, and how much may run at once. */
export const limitsByPrincipal: CompileFilter = ({ limits, clock, snapshot }, { config }) => {
  const route = config.source;
  if ((snapshot.limits.routes[route] ?? []).length === 0) return undefined;
  const enter = (exchange: Exchange, caller: LimitedCaller): Outcome | undefined => {
    const denial = limits.enter(caller, route);
    if (denial === undefined) exchange.release = () => limits.leave(caller, route);
    return denial;
  };
  return (exchange) => {
    const caller = callerOf(exchange);
    const check = limits.checkPrincipal(caller, route, 1, clock.monotonic());
    if (check instanceof Promise) return check.then((late) => settle(exchange, late) ?? enter(exchange, caller));
    return settle(exchange, check) ?? enter(exchange, caller);
  };
};

function callerOf({ request, caller }: Exchange): LimitedCaller {
  const { principal, credential, claims } = caller;
  return {
    remoteAddress: request.client.address,
    claims,
    ...(principal.issuer === undefined ? {} : { issuer: principal.issuer }),
    ...(principal.kind === 'user' ? { sub: principal.id } : {}),
    ...(principal.kind === 'client' ? { sub: principal.id, client: principal.id } : {}),
    ...(principal.client === undefined ? {} : { client: principal.client }),
    ...(credential === 'api-key' ? { apiKey: principal.id } : {}),
  };
}
