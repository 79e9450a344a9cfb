import type { GatewayRouteWaf, VirtualPatch, WafExclusion, WafSection } from '../../api/waf.ts';
import { variablesOf } from '../../api/waf-fields.ts';
import type { Manifest, Route } from '../../manifest/index.ts';
import { routeName } from './names.ts';
import type { WafRuleFiles } from './waf-rules.ts';

type Exclusion = Route['waf']['exclusions'][number];
type Patch = Route['waf']['patches'][number];

/** The gateway's part about the WAF; undefined where no route has one. */
export function compileWafSection(manifest: Manifest, rules: WafRuleFiles | undefined): WafSection | undefined {
  const { gateway, routes } = manifest;
  const own = routes
    .map((route) => [routeName(route, routes), compileRoute(route, manifest)] as const)
    .filter(([, { mode }]) => mode !== 'off');
  if (own.length === 0 || rules === undefined) return undefined;
  return {
    ruleSets: rules.ruleSets,
    digest: rules.digest,
    sampling: gateway.waf.sampling,
    routes: Object.fromEntries(own),
  };
}

// The route says which methods it takes, and `normalise` holds requests to it. The Core Rule Set by itself refuses PUT, PATCH
// and DELETE everywhere.
const allMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

function compileRoute(route: Route, { gateway }: Manifest): GatewayRouteWaf {
  const { waf } = route;
  const bodyBytes = route.bodyBytes ?? gateway.limits.bodyBytes;
  return {
    mode: waf.mode ?? gateway.waf.mode,
    paranoia: waf.paranoia ?? gateway.waf.paranoia,
    threshold: waf.threshold ?? gateway.waf.threshold,
    variables: { allowed_methods: (route.methods ?? allMethods).join(' ') },
    responseBody: waf.responses ?? gateway.waf.responses,
    bodyBytes: Math.min(bodyBytes, waf.bodyBytes ?? gateway.waf.bodyBytes ?? bodyBytes),
    streamsBodies: waf.bodies === 'stream',
    exclusions: waf.exclusions.map(compileExclusion),
    patches: waf.patches.map(compilePatch),
  };
}

function compileExclusion({ rules, tag, fields }: Exclusion): WafExclusion {
  return {
    ...(rules === undefined ? {} : { rules }),
    ...(tag === undefined ? {} : { tag }),
    ...(fields === undefined ? {} : { targets: fields.flatMap(variablesOf).join('|') }),
  };
}

function compilePatch(patch: Patch, index: number): VirtualPatch {
  const { id, owner, reason, expires, match, rule } = patch;
  const seclang = rule ?? patchRule(id, match as NonNullable<typeof match>, index);
  return { id, owner, reason, expires, seclang };
}

// Above the ids that the Core Rule Set and the built-in rules use; each patch is a rule set of its own.
const firstPatchId = 9_900_000;

function patchRule(name: string, match: NonNullable<Patch['match']>, index: number): string {
  const targets = variablesOf(match.field).join('|');
  const operator = match.contains === undefined ? `@rx ${match.matches ?? ''}` : `@contains ${match.contains}`;
  const actions = (more: string): string =>
    `id:${firstPatchId + index},phase:2,deny,status:403,log,t:none,msg:'Virtual patch ${name}',severity:'CRITICAL',tag:'virtual-patch'${more}`;
  const test = `SecRule ${targets} "${operator}"`;
  if (match.methods === undefined) return `${test} "${actions('')}"`;
  return `SecRule REQUEST_METHOD "@within ${match.methods.join(' ')}" "${actions(',chain')}"\n${test} "t:none"`;
}
