import type { OwnerRule, PolicyModel, PolicyProblem, RouteRules } from '../api/policy.ts';
import { noWeaknesses, type Protection, type Weaknesses } from '../api/protections.ts';
import { entityText, fieldAccess, fieldName, quote } from './cedar-text.ts';
import { claimsOf, entityTypes, operationOnRoute, pathParams, rolesByMethod } from './entity-model.ts';

/** What a baseline policy enforces; stands in its `@check` annotation. */
export type BaselineCheck = 'permit' | 'auth' | 'scopes' | 'roles' | 'owner';

/** The protection that leaves a check out when it is off. */
const protectionOf: ReadonlyMap<string, Protection> = new Map([
  ['scopes', 'authz.scopes'],
  ['owner', 'authz.owner'],
]);

/** Whether baseline policies with this `@check` are in force. */
export function enforcedBaseline(check: string, weaknesses: Weaknesses): boolean {
  const protection = protectionOf.get(check);
  return protection === undefined || !weaknesses.has(protection);
}

interface BaselinePolicy {
  readonly check: BaselineCheck;
  /** After the route: `GET:scopes`. */
  readonly name: string;
  /** Below the route in the manifest: `scopes.GET`. */
  readonly manifest: string;
  readonly effect: 'permit' | 'forbid';
  readonly action?: string;
  readonly when?: string;
  readonly unless?: string;
}

/**
 * What the manifest declares, as Cedar text. It permits what a route declares, and forbids what lacks a scope or a
 * role or is somebody else's: since a forbid wins over every permit, no policy of a user can override it.
 */
export function generateBaseline(model: PolicyModel, weaknesses: Weaknesses = noWeaknesses): string {
  const texts = model.routes.flatMap((route) =>
    routePolicies(route)
      .filter(({ check }) => enforcedBaseline(check, weaknesses))
      .map((policy) => policyText(route, policy)),
  );
  return texts.join('\n');
}

/** Contradictions of a model, which no Cedar could express. */
export function checkModel(model: PolicyModel): readonly PolicyProblem[] {
  const services = new Set(model.services.map(({ name }) => name));
  return [
    ...model.routes.flatMap((route) => checkRoute(model, route, services)),
    ...repeated(model.routes.map(({ path }) => path)).map((path) => problem(`route \`${path}\` is declared twice`)),
    ...repeated(model.operations.map(({ service, id }) => `${service}:${id}`)).map((id) =>
      problem(`operation \`${id}\` is declared twice`),
    ),
  ];
}

function checkRoute(model: PolicyModel, route: RouteRules, services: ReadonlySet<string>): PolicyProblem[] {
  const { owner } = route;
  const problems: PolicyProblem[] = [];
  if (!services.has(route.service)) problems.push(problem(`no service \`${route.service}\``, route));
  if (owner === undefined) return problems;
  const reached = model.operations.filter((operation) => operationOnRoute(operation, route));
  if (![pathParams(route.path), ...reached.map(({ params }) => params)].some((names) => names.includes(owner.param))) {
    problems.push(problem(`neither the route nor an operation on it has the path parameter \`${owner.param}\``, route));
  }
  for (const { id, params } of reached) {
    if (params.length === 0 || params.includes(owner.param)) continue;
    problems.push(problem(`operation \`${id}\` has no path parameter \`${owner.param}\` to tell the owner by`, route));
  }
  const claim = owner.claim ?? 'sub';
  if (claim !== 'sub' && claimsOf(model)[claim] !== 'String') {
    problems.push(problem(`claim \`${claim}\` must be a string to name an owner`, route));
  }
  return problems;
}

function problem(message: string, route?: RouteRules): PolicyProblem {
  const where = route === undefined ? '' : ` (${sourceOf(route)})`;
  return { code: 'policy.model', message: `${message}${where}`, file: 'manifest', line: 1, column: 1 };
}

function repeated(names: readonly string[]): readonly string[] {
  return [...new Set(names.filter((name, at) => names.indexOf(name) !== at))];
}

function routePolicies(route: RouteRules): readonly BaselinePolicy[] {
  return [
    ...permitOf(route),
    ...authOf(route),
    ...perMethod(route.scopes ?? {}, 'scopes', holdsScope),
    ...perMethod(rolesByMethod(route), 'roles', hasOneRole),
    ...(route.owner === undefined ? [] : ownerOf(route, route.owner)),
  ];
}

function permitOf(route: RouteRules): readonly BaselinePolicy[] {
  if (route.permits === 'policies') return [];
  const listed = Object.keys(route.scopes ?? rolesByMethod(route));
  const someMethods = listed.length > 0 && !listed.includes('*');
  return [
    {
      check: 'permit',
      name: 'permit',
      manifest: someMethods ? (route.scopes === undefined ? 'roles' : 'scopes') : 'auth',
      effect: 'permit',
      ...(someMethods ? { action: actionList(listed) } : {}),
      ...(route.auth === 'required' ? { when: 'context.authenticated' } : {}),
    },
  ];
}

function authOf({ auth }: RouteRules): readonly BaselinePolicy[] {
  if (auth !== 'required') return [];
  return [{ check: 'auth', name: 'auth', manifest: 'auth', effect: 'forbid', unless: 'context.authenticated' }];
}

/** One forbid per listed method, and one for the rest where `*` is listed. */
function perMethod(
  rules: Readonly<Record<string, readonly string[]>>,
  check: 'scopes' | 'roles',
  satisfied: (names: readonly string[]) => string,
): readonly BaselinePolicy[] {
  const listed = Object.keys(rules).filter((method) => method !== '*');
  return Object.entries(rules)
    .filter(([, names]) => names.length > 0)
    .map(([method, names]) => ({
      check,
      name: `${method}:${check}`,
      manifest: `${check}.${method}`,
      effect: 'forbid',
      ...(method === '*' ? butFor(listed) : { action: `action in ${actionText(method)}` }),
      unless: satisfied(names),
    }));
}

function butFor(listed: readonly string[]): { when?: string } {
  return listed.length === 0 ? {} : { when: `!(${actionList(listed)})` };
}

function holdsScope(scopes: readonly string[]): string {
  return scopes.map((scope) => `context.scopes.contains(${quote(scope)})`).join(' && ');
}

function hasOneRole(roles: readonly string[]): string {
  return roles.map((role) => `principal in ${entityText(entityTypes.role, role)}`).join(' || ');
}

function ownerOf(route: RouteRules, owner: OwnerRule): readonly BaselinePolicy[] {
  const exempt = owner.unless === undefined || owner.unless.length === 0 ? undefined : hasOneRole(owner.unless);
  const isOwner = ownsIt(owner);
  const rule = { check: 'owner', manifest: 'owner', effect: 'forbid' } as const;
  const compare: BaselinePolicy = {
    ...rule,
    name: 'owner',
    when: `context.params has ${fieldName(owner.param)}`,
    unless: exempt === undefined ? isOwner : `(${isOwner}) || ${exempt}`,
  };
  // Where the parameter is missing nobody can tell whose object it is. An operation that does not declare it touches no
  // object that is owned (`checkModel` sees to that); only a request that no operation declares is then in doubt.
  const absent = `!(context.params has ${fieldName(owner.param)})`;
  const unknown: BaselinePolicy = {
    ...rule,
    name: 'owner-unknown',
    when: pathParams(route.path).includes(owner.param) ? absent : `!(context has operation) && ${absent}`,
    ...(exempt === undefined ? {} : { unless: exempt }),
  };
  return [compare, unknown];
}

function ownsIt({ param, claim = 'sub' }: OwnerRule): string {
  const value = `context.params${fieldAccess(param)}`;
  if (claim === 'sub') return `principal has sub && principal.sub == ${value}`;
  const has = `principal has claims && principal.claims has ${fieldName(claim)}`;
  return `${has} && principal.claims${fieldAccess(claim)} == ${value}`;
}

function actionText(id: string): string {
  return entityText(entityTypes.action, id);
}

function actionList(methods: readonly string[]): string {
  return `action in [${methods.map(actionText).join(', ')}]`;
}

function sourceOf({ source, path }: RouteRules): string {
  return source ?? `route ${path}`;
}

function policyText(route: RouteRules, policy: BaselinePolicy): string {
  const lines = [
    `@id(${quote(`route:${route.path}:${policy.name}`)})`,
    `@manifest(${quote(`${sourceOf(route)}.${policy.manifest}`)})`,
    `@check(${quote(policy.check)})`,
    `${policy.effect}(principal, ${policy.action ?? 'action'}, resource == ${entityText(entityTypes.route, route.path)})`,
  ];
  if (policy.when !== undefined) lines.push(`when { ${policy.when} }`);
  if (policy.unless !== undefined) lines.push(`unless { ${policy.unless} }`);
  return `${lines.join('\n')};\n`;
}
