import type { LimitedCaller } from '../../limits/index.ts';
import type { Draft } from '../draft.ts';
import type { Exchange, Outcome } from '../exchange.ts';
import type { CompileFilter } from './filter.ts';
import { settle } from './limits-by-ip.ts';

/** The route's limits per user, client and address, its quota, and how much may run at once. */
export const limitsByPrincipal: CompileFilter = ({ limits, clock, snapshot }, { config }) => {
  const route = config.source;
  const rules = snapshot.limits.routes[route] ?? [];
  if (rules.length === 0) return undefined;
  const bounded = rules.some(({ kind }) => kind === 'concurrency');
  const enter = (exchange: Exchange, caller: LimitedCaller): Outcome | undefined => {
    if (!bounded) return undefined;
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
  const { kind, id, issuer, client } = principal;
  const limited: Draft<LimitedCaller> = { remoteAddress: request.client.address, claims };
  if (issuer !== undefined) limited.issuer = issuer;
  if (kind === 'user' || kind === 'client') limited.sub = id;
  if (client !== undefined) limited.client = client;
  else if (kind === 'client') limited.client = id;
  if (credential === 'api-key') limited.apiKey = id;
  return limited;
}
