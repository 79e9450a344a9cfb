import type { Authenticated } from '../../api/authn.ts';
import type { PolicyPrincipal, PolicyRequest } from '../../api/policy.ts';
import type { ApiValidator } from '../../openapi/index.ts';
import { shownCertificate } from '../client-certificate.ts';
import type { Draft } from '../draft.ts';
import type { Exchange } from '../exchange.ts';
import { operationOf } from '../operation.ts';
import type { CompileFilter } from './filter.ts';

/** Cedar: may this principal do this here. What no policy permits is denied. */
export const authz: CompileFilter = ({ authorizer, clock }, { config, validator }) => {
  return (exchange) => {
    const request = policyRequest(exchange, config.name, validator, clock.now());
    return authorizer.decide(request).decision === 'allow' ? undefined : authorizer.denial(request);
  };
};

function policyRequest(
  exchange: Exchange,
  route: string,
  validator: ApiValidator | undefined,
  nowMs: number,
): PolicyRequest {
  const { request, caller } = exchange;
  const match = validator === undefined ? undefined : operationOf(exchange, validator);
  const facts: Draft<PolicyRequest> = {
    principal: principalOf(caller),
    method: request.method,
    route,
    path: request.path,
    host: request.host,
    ip: request.client.address,
    nowMs,
  };
  if (request.peerCertificate !== undefined) facts.certificate = shownCertificate(request.peerCertificate).facts;
  if (exchange.route.service.protocol === 'grpc') facts.operation = exchange.path.slice(1);
  if (match?.kind === 'match') {
    facts.operation = match.operation.id;
    facts.params = match.params;
  }
  return facts;
}

// A token that was verified before gives the same caller again, and the same principal.
const principals = new WeakMap<Authenticated, PolicyPrincipal>();

function principalOf(caller: Authenticated): PolicyPrincipal {
  let known = principals.get(caller);
  if (known === undefined) principals.set(caller, (known = toPrincipal(caller)));
  return known;
}

function toPrincipal({ principal, claims }: Authenticated): PolicyPrincipal {
  const { kind } = principal;
  if (kind === 'operator') return { kind: 'anonymous', id: '' };
  return {
    ...principal,
    kind,
    claims,
    id: kind === 'anonymous' ? '' : principal.id,
    mfa: Array.isArray(claims.amr) && claims.amr.includes('mfa'),
  };
}
