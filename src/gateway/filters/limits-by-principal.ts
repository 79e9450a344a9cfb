import type { Authenticated } from '../../api/authn.ts';
import type { Operation } from '../../api/openapi.ts';
import type { Denial } from '../../api/record.ts';
import type { LimitedCaller } from '../../limits/index.ts';
import type { ApiValidator } from '../../openapi/index.ts';
import type { Draft } from '../draft.ts';
import type { Exchange, Outcome } from '../exchange.ts';
import { operationOf } from '../operation.ts';
import type { CompileFilter } from './filter.ts';
import { settle } from './limits-by-ip.ts';

/** The route's limits by caller and for all, its quotas, the limit of the caller's API key, and how much may run at once. */
export const limitsByPrincipal: CompileFilter = ({ limits, clock, snapshot }, { config, validator }) => {
  const route = config.source;
  const { routes, apiKeys = {} } = snapshot.limits;
  const rules = routes[route] ?? [];
  const keyed = config.auth !== 'public' && Object.keys(apiKeys).length > 0;
  if (rules.length === 0 && !keyed) return undefined;
  const costOf = compileCost(snapshot.limits.costs?.[route], validator);
  const bounded = rules.some(({ kind }) => kind === 'concurrency');
  const entered = (exchange: Exchange, caller: LimitedCaller, denial: Denial | undefined): Outcome | undefined => {
    if (denial === undefined) exchange.release = () => limits.leave(caller, route);
    return denial;
  };
  const enter = (exchange: Exchange, caller: LimitedCaller): Outcome | undefined | Promise<Outcome | undefined> => {
    if (!bounded) return undefined;
    const denial = limits.enter(caller, route);
    if (denial instanceof Promise) return denial.then((late) => entered(exchange, caller, late));
    return entered(exchange, caller, denial);
  };
  return (exchange) => {
    const caller = callerOf(exchange);
    const check = limits.checkPrincipal(caller, route, costOf(exchange), clock.monotonic());
    if (check instanceof Promise) return check.then((late) => settle(exchange, late) ?? enter(exchange, caller));
    return settle(exchange, check) ?? enter(exchange, caller);
  };
};

/** What a request takes of each limit: by its operation, else by its method, else by what holds for the rest. */
function compileCost(
  costs: Readonly<Record<string, number>> | undefined,
  validator: ApiValidator | undefined,
): (exchange: Exchange) => number {
  if (costs === undefined) return () => 1;
  const known = new Map(Object.entries(costs));
  const rest = known.get('*') ?? 1;
  const byMethod = ({ request }: Exchange): number => known.get(request.method) ?? rest;
  if (validator === undefined || ![...known.keys()].some((key) => key.includes(' '))) return byMethod;
  const ofOperation = new WeakMap<Operation, number>();
  return (exchange) => {
    const found = operationOf(exchange, validator);
    if (found.kind !== 'match') return byMethod(exchange);
    const { operation } = found;
    let cost = ofOperation.get(operation);
    if (cost === undefined) {
      cost = known.get(`${operation.method} ${operation.template}`) ?? byMethod(exchange);
      ofOperation.set(operation, cost);
    }
    return cost;
  };
}

// A token that was verified before gives the same caller again, mostly from the same address.
const limitedCallers = new WeakMap<Authenticated, LimitedCaller>();

function callerOf({ request, caller }: Exchange): LimitedCaller {
  const { address } = request.client;
  let limited = limitedCallers.get(caller);
  if (limited?.remoteAddress !== address) limitedCallers.set(caller, (limited = toLimited(caller, address)));
  return limited;
}

function toLimited(caller: Authenticated, remoteAddress: string): LimitedCaller {
  const { principal, credential, credentialId, claims } = caller;
  const { kind, id, issuer, client } = principal;
  const limited: Draft<LimitedCaller> = { remoteAddress, claims };
  if (issuer !== undefined) limited.issuer = issuer;
  if (kind === 'user' || kind === 'client') limited.sub = id;
  if (client !== undefined) limited.client = client;
  else if (kind === 'client') limited.client = id;
  if (credential === 'api-key' && credentialId !== undefined) limited.apiKey = credentialId;
  return limited;
}
