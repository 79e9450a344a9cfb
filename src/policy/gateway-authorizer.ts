import type {
  GatewayPolicies,
  OperationRules,
  PolicyExplanation,
  PolicyModel,
  PolicyRequest,
  SnapshotPolicy,
} from '../api/policy.ts';
import { noWeaknesses, type Weaknesses } from '../api/protections.ts';
import type { Denial } from '../api/record.ts';
import { actionEntities } from './authorizer.ts';
import { enforcedBaseline } from './baseline.ts';
import { type CompiledPolicy, compilePolicy } from './compiled-policy.ts';
import { denialOf, unevaluatedDenial } from './denial.ts';
import { EntityStore, LayeredEntities } from './entities.ts';
import { claimsOf, entityTypes, methodsOf, operationAction } from './entity-model.ts';
import { explainRequest, explainUnknownTarget } from './explain.ts';
import { GatewayRequest, type ModelFacts } from './gateway-request.ts';
import { decidePrepared, type PreparedPolicies, preparePolicies } from './prepared-policies.ts';
import { EntityUid } from './values.ts';
import { defaultDeny, type Verdict } from './verdict.ts';
import { VerdictMemo } from './verdict-memo.ts';

/** Authorizes a gateway's requests over one snapshot. */
export interface GatewayAuthorizer {
  /**
   * Allows or denies. Stops at the first policy that settles it, so `determining` names that one; `explain` names
   * all. Throws `policy.value` where the request's address is none, so that the gateway fails closed.
   */
  decide(request: PolicyRequest): Verdict;
  /** Why a request is allowed or denied. Takes its time: for denials, and for whoever asks. */
  explain(request: PolicyRequest): PolicyExplanation;
  /** The answer to a denied request, with the reason for the record. */
  denial(request: PolicyRequest): Denial;
}

/** The policies of one route, by what is asked of it. */
interface RoutePolicies {
  readonly methods: ReadonlyMap<string, PreparedPolicies>;
  readonly operations: ReadonlyMap<string, { readonly rules: OperationRules; readonly policies: PreparedPolicies }>;
}

const unasked: Verdict = { decision: 'allow', determining: [], errors: [] };

/** Compiles what the control plane sent. Throws where it is malformed. Never loads the official implementation. */
export function createGatewayAuthorizer(
  { model, snapshot }: GatewayPolicies,
  weaknesses: Weaknesses = noWeaknesses,
): GatewayAuthorizer {
  const facts: ModelFacts = {
    entities: new LayeredEntities(actionEntities(snapshot), modelEntities(model)),
    claims: new Map(Object.entries(claimsOf(model))),
  };
  const policies = snapshot.policies.filter((policy) => isEnforced(policy, weaknesses)).map(compilePolicy);
  const forbids = new Set(policies.filter(({ source }) => source.policy.effect === 'forbid').map(({ id }) => id));
  const routes = prepareRoutes(model, policies, facts);
  const memo = new VerdictMemo();
  const explain = (request: PolicyRequest): PolicyExplanation => {
    const found = find(routes, request);
    if (found === undefined) return explainUnknownTarget(request, routes.has(request.route));
    return closed(explainRequest(policies, new GatewayRequest(request, found.target, facts)), forbids);
  };
  return {
    decide(request) {
      if (weaknesses.has('authz.policy')) return unasked;
      const found = find(routes, request);
      if (found === undefined) return defaultDeny;
      const known = memo.find(request, found);
      if (known !== undefined) return known;
      const asked = new GatewayRequest(request, found.target, facts);
      const verdict = decidePrepared(found, asked);
      if (isOpen(verdict)) return { ...defaultDeny, errors: verdict.errors };
      if (asked.isRepeatable) memo.keep(request, found, verdict);
      return verdict;
    },
    explain,
    denial: (request) => {
      const explanation = explain(request);
      const unasked = explanation.errors.find(({ policy }) => forbids.has(policy));
      const isForbidden = unasked === undefined || explanation.determining.length > 0;
      return isForbidden ? denialOf(request, explanation) : unevaluatedDenial(unasked);
    },
  };
}

/**
 * Whether a request would be let in past a forbid that could not be evaluated. Cedar skips what errs; a gateway that does
 * so with a forbid fails open, so here such a request is denied.
 */
function isOpen({ decision, errors }: Verdict): boolean {
  return decision === 'allow' && errors.some(({ effect }) => effect === 'forbid');
}

/** The explanation of a decision that an unevaluated forbid has turned. */
function closed(explanation: PolicyExplanation, forbids: ReadonlySet<string>): PolicyExplanation {
  const unasked = explanation.errors.find(({ policy }) => forbids.has(policy));
  if (explanation.decision === 'deny' || unasked === undefined) return explanation;
  const { policy, message } = unasked;
  const summary = `the forbid \`${policy}\` could not be evaluated: ${message}`;
  return {
    ...explanation,
    decision: 'deny',
    determining: [],
    findings: [],
    fixes: [`mend the policy \`${policy}\``],
    summary,
  };
}

function isEnforced({ origin, annotations }: SnapshotPolicy, weaknesses: Weaknesses): boolean {
  return origin === 'user' || enforcedBaseline(annotations.check ?? '', weaknesses);
}

/** The policies for what the request asks; none where the model has no such route, or the method is unheard of. */
function find(routes: ReadonlyMap<string, RoutePolicies>, request: PolicyRequest): PreparedPolicies | undefined {
  const route = routes.get(request.route);
  if (route === undefined) return undefined;
  const operation = request.operation === undefined ? undefined : route.operations.get(request.operation);
  if (operation !== undefined && isCallOf(operation.rules, request)) return operation.policies;
  return route.methods.get(request.method);
}

/**
 * Whether a request is what the operation describes: by its method (HEAD asks for what GET would give), and with all of
 * its path parameters, which policies take for granted.
 */
function isCallOf({ method, params }: OperationRules, request: PolicyRequest): boolean {
  if (method !== request.method && !(method === 'GET' && request.method === 'HEAD')) return false;
  for (const name of params) {
    if (request.params === undefined || !Object.hasOwn(request.params, name)) return false;
  }
  return true;
}

function prepareRoutes(
  model: PolicyModel,
  policies: readonly CompiledPolicy[],
  { entities }: ModelFacts,
): ReadonlyMap<string, RoutePolicies> {
  const methods = methodsOf(model);
  return new Map(
    model.routes.map(({ path, service }) => {
      const resource = new EntityUid(entityTypes.route, path);
      const resourceAttributes = entities.attributes(resource);
      const onRoute = policies.filter((policy) => policy.resource.matches(resource, entities));
      const prepare = (actionId: string, operation: string | undefined): PreparedPolicies => {
        const action = new EntityUid(entityTypes.action, actionId);
        return preparePolicies(onRoute, { action, resource, resourceAttributes, operation }, entities);
      };
      const operations = model.operations.filter((operation) => operation.service === service);
      return [
        path,
        {
          methods: new Map(methods.map((method) => [method, prepare(method, undefined)])),
          operations: new Map(
            operations.map((operation) => [
              operation.id,
              { rules: operation, policies: prepare(operationAction(operation), operation.id) },
            ]),
          ),
        },
      ];
    }),
  );
}

/** Routes and services as entities. */
function modelEntities({ routes, services }: PolicyModel): EntityStore {
  const dataOf = new Map(services.map(({ name, data }) => [name, data ?? []]));
  return new EntityStore([
    ...services.map(({ name, data = [] }) => ({
      uid: { type: entityTypes.service, id: name },
      attrs: { name, data },
    })),
    ...routes.map(({ path, service }) => ({
      uid: { type: entityTypes.route, id: path },
      attrs: { path, data: dataOf.get(service) ?? [] },
      parents: [{ type: entityTypes.service, id: service }],
    })),
  ]);
}
