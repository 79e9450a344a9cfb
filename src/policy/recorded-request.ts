import type { OperationRules, PolicyModel, PolicyPrincipal, RecordedRequest } from '../api/policy.ts';
import type { Decision, Principal } from '../api/record.ts';
import { pathOfRoute } from './entity-model.ts';

/**
 * The request behind a decision record, for `planPolicies`; undefined where authorization was not asked. Operation and
 * path parameters are found again from the path. Claims, e-mail and second factor are not recorded.
 */
export function recordedRequest(decision: Decision, model: PolicyModel): RecordedRequest | undefined {
  const judged = decision.steps.find(({ filter }) => filter === 'authz')?.outcome;
  const principal = principalOf(decision.principal);
  const route = model.routes.find(({ path }) => path === decision.route);
  if (route === undefined || principal === undefined || (judged !== 'pass' && judged !== 'deny')) return undefined;
  const { method, path, host, remoteAddress: ip, timeMs: nowMs } = decision;
  const operation = operationFor(model, route.service, method, path);
  const params = matchTemplate(operation?.path ?? pathOfRoute(route), path, operation === undefined);
  return {
    decision: judged === 'pass' ? 'allow' : 'deny',
    request: {
      principal,
      method,
      route: route.path,
      ...(operation === undefined ? {} : { operation: operation.id }),
      ...(params === undefined ? {} : { params }),
      path,
      host,
      ip,
      nowMs,
    },
  };
}

function principalOf(principal: Principal | undefined): PolicyPrincipal | undefined {
  if (principal === undefined) return { kind: 'anonymous', id: '' };
  const { kind, ...rest } = principal;
  return kind === 'operator' ? undefined : { kind, ...rest };
}

/** The operation whose template the path matches; of several, the one with most literal segments. */
function operationFor(model: PolicyModel, service: string, method: string, path: string): OperationRules | undefined {
  const asked = method === 'HEAD' ? ['HEAD', 'GET'] : [method];
  const literals = (operation: OperationRules): number =>
    operation.path.split('/').filter((part) => !part.startsWith('{')).length;
  return model.operations
    .filter((operation) => operation.service === service && asked.includes(operation.method))
    .filter((operation) => matchTemplate(operation.path, path, false) !== undefined)
    .toSorted((a, b) => literals(b) - literals(a))[0];
}

/** Path parameters of a path that the template fits; of one that starts with it, where `open`. */
function matchTemplate(template: string, path: string, open: boolean): Readonly<Record<string, string>> | undefined {
  const [wanted, given] = [segmentsOf(template), segmentsOf(path)];
  if (open ? given.length < wanted.length : given.length !== wanted.length) return undefined;
  const params: [string, string][] = [];
  for (const [at, segment] of wanted.entries()) {
    const value = given[at] as string;
    if (segment.startsWith('{') && segment.endsWith('}')) params.push([segment.slice(1, -1), decode(value)]);
    else if (segment !== value) return undefined;
  }
  return Object.fromEntries(params);
}

function segmentsOf(path: string): readonly string[] {
  return path.split('/').filter((segment) => segment !== '');
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
