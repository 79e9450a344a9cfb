import type { ClientCertificate } from './record.ts';

// Authorization as plain data: what the control plane compiles, what a gateway decides on, and what is said about a
// decision. All of it survives JSON.

/** A path parameter, claim or attribute that Cedar can compare. */
export type ClaimType = 'String' | 'Long' | 'Boolean' | 'StringSet';

/** Scopes per HTTP method in upper case; `*`: every method that is not listed. */
export type MethodScopes = Readonly<Record<string, readonly string[]>>;

/** Object ownership: a path parameter must equal a claim of the caller's token. */
export interface OwnerRule {
  /** Path parameter that names the owner: `customerId`. */
  readonly param: string;
  /** Claim of the token, `sub` unless told. */
  readonly claim?: string;
  /** Whoever has one of these roles need not be the owner. */
  readonly unless?: readonly string[];
}

/** A route of the manifest, as far as authorization goes. */
export interface RouteRules {
  /** The route's path, its name in policies: `/api/orders`; with its host where it has one, `shop.example/api/orders`, and its methods where others share these, `/api/orders GET,HEAD`. */
  readonly path: string;
  readonly service: string;
  readonly auth: 'public' | 'optional' | 'required';
  /**
   * Who permits: `manifest` (the default) lets the baseline permit what the manifest declares; with `policies` the
   * baseline only forbids, and nothing is permitted but by a policy of the user's.
   */
  readonly permits?: 'manifest' | 'policies';
  /** The caller must hold every listed scope. Where given, a method that is not listed (and no `*`) is not permitted. */
  readonly scopes?: MethodScopes;
  /** The caller must have one of the roles; per method, or for all. */
  readonly roles?: readonly string[] | Readonly<Record<string, readonly string[]>>;
  readonly owner?: OwnerRule;
  /** Where the route stands in the manifest, for explanations: `merlon.yaml routes[3]`. */
  readonly source?: string;
}

/** An operation of a service's OpenAPI description. */
export interface OperationRules {
  readonly service: string;
  /** `operationId`; its action in policies is `Merlon::Action::"<service>:<id>"`. */
  readonly id: string;
  /** HTTP method in upper case. */
  readonly method: string;
  /** Path template as clients see it at the gateway: `/api/customers/{customerId}/orders`. */
  readonly path: string;
  /** Names of the path parameters; always strings in policies, as they stand in the URL. */
  readonly params: readonly string[];
}

/** Everything that the schema, the baseline and the request mapping are generated from. */
export interface PolicyModel {
  readonly services: readonly { readonly name: string; readonly data?: readonly string[] }[];
  readonly routes: readonly RouteRules[];
  readonly operations: readonly OperationRules[];
  /** Roles that are known beyond those that routes name. */
  readonly roles?: readonly string[];
  /** Claims that policies may read as `principal.claims.<name>`; each may be missing from a token. */
  readonly claims?: Readonly<Record<string, ClaimType>>;
}

/** Cedar's own JSON policy format (docs.cedarpolicy.com, "JSON policy format"); longs past 2^53 stand as `{ Long }`. */
export interface PolicyJson {
  readonly effect: 'permit' | 'forbid';
  readonly principal: ScopeConstraint;
  readonly action: ScopeConstraint;
  readonly resource: ScopeConstraint;
  readonly conditions: readonly { readonly kind: 'when' | 'unless'; readonly body: ExpressionJson }[];
  readonly annotations?: Readonly<Record<string, string | null>>;
}

/** An entity's name. */
export interface EntityUidJson {
  readonly type: string;
  readonly id: string;
}

export interface ScopeConstraint {
  readonly op: 'All' | '==' | 'in' | 'is';
  readonly entity?: EntityUidJson;
  readonly entities?: readonly EntityUidJson[];
  readonly slot?: string;
  readonly entity_type?: string;
  /** Of `is ... in ...`. */
  readonly in?: { readonly entity?: EntityUidJson; readonly slot?: string };
}

/** One-key object: the operator, then its operands. */
export type ExpressionJson = Readonly<Record<string, unknown>>;

/** A `when` or `unless` of a policy, as its author wrote it. */
export interface PolicyClause {
  readonly kind: 'when' | 'unless';
  readonly line: number;
  readonly text: string;
  /** The operands of the clause's top-level `&&` (of `||` under `unless`), or the whole body alone. */
  readonly parts: readonly { readonly line: number; readonly text: string }[];
}

/** One policy, ready to be compiled to closures. */
export interface SnapshotPolicy {
  /** `@id`, else `<file>:<line>` (and `:<column>` where indented). Unique in its snapshot. */
  readonly id: string;
  readonly origin: 'baseline' | 'user';
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly clauses: readonly PolicyClause[];
  readonly policy: PolicyJson;
  /** Values of a template's slots (`?principal`, `?resource`), where this policy is a link. */
  readonly slots?: Readonly<Record<string, EntityUidJson>>;
}

/** Compiled policies: what travels from the control plane to the data plane. */
export interface PolicySnapshot {
  readonly version: 1;
  readonly policies: readonly SnapshotPolicy[];
  /** Which actions stand in which groups, closed under membership. */
  readonly actions: readonly { readonly uid: EntityUidJson; readonly ancestors: readonly EntityUidJson[] }[];
}

/** What a gateway needs to authorize requests. */
export interface GatewayPolicies {
  readonly model: PolicyModel;
  readonly snapshot: PolicySnapshot;
}

/** Something wrong with a policy file, at its place. */
export interface PolicyProblem {
  /** `policy.syntax`, `policy.too-complex`, `policy.invalid`, `policy.duplicate-id`, `policy.link`, `policy.schema`, `policy.model`. */
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units as editors count. */
  readonly column: number;
  readonly policy?: string;
}

/** Who calls, as the authenticator found out. */
export interface PolicyPrincipal {
  readonly kind: 'user' | 'client' | 'workload' | 'anonymous';
  /** `sub`, client id or SPIFFE ID; empty where anonymous. */
  readonly id: string;
  /** `iss`; the trust domain of a workload. */
  readonly issuer?: string;
  /** The OAuth client through which the principal acts. */
  readonly client?: string;
  readonly email?: string;
  readonly roles?: readonly string[];
  readonly scopes?: readonly string[];
  /** The token's claims; those that the model does not declare, or that have another type, are not seen by policies. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** A second factor was used (`amr` holds `mfa`, or the issuer says so). */
  readonly mfa?: boolean;
  /** Authentication context class (`acr`). */
  readonly acr?: string;
}

/** The request to judge. */
export interface PolicyRequest {
  readonly principal: PolicyPrincipal;
  /** HTTP method in upper case. */
  readonly method: string;
  /** The matched route's path, as in the model. */
  readonly route: string;
  /** `operationId` of the matched OpenAPI operation of the route's service. */
  readonly operation?: string;
  /** Decoded path parameters. */
  readonly params?: Readonly<Record<string, string>>;
  /** Normalised path without the query. */
  readonly path: string;
  readonly host: string;
  /** Remote IP address. */
  readonly ip: string;
  /** The certificate that the caller showed, verified by the listener. */
  readonly certificate?: ClientCertificate;
  /** Epoch milliseconds. */
  readonly nowMs: number;
}

/** One policy's part in a denial. */
export interface PolicyFinding {
  readonly policy: string;
  readonly effect: 'permit' | 'forbid';
  readonly origin: 'baseline' | 'user';
  /** What a baseline policy enforces: `permit`, `auth`, `scopes`, `roles` or `owner`. */
  readonly check?: string;
  /** `policies/orders.cedar:12 (orders-write)`; of a baseline policy the place in the manifest. */
  readonly rule: string;
  /** The clause that decided, as written, or the scope constraint that did not match. */
  readonly clause?: string;
  /** `file:line` of the clause. */
  readonly at?: string;
  /** What was read: `scope`, `principal.sub`, `resource.data`. */
  readonly claim?: string;
  readonly expected?: string;
  /** Its value, shortened. */
  readonly actual?: string;
  /** Smallest changes that would turn this policy, as sentences. */
  readonly fixes: readonly string[];
  /** Message of the evaluation error, where the policy erred and was skipped. */
  readonly error?: string;
}

/** Why a request was allowed or denied. */
export interface PolicyExplanation {
  readonly decision: 'allow' | 'deny';
  /** Ids of the policies that determined it; empty for a default deny. */
  readonly determining: readonly string[];
  /** Forbids that applied; of a default deny, the permits that came closest, nearest first. */
  readonly findings: readonly PolicyFinding[];
  /** Smallest changes that would allow the request, best first; empty where none of the caller's would. */
  readonly fixes: readonly string[];
  /** Policies that erred. */
  readonly errors: readonly { readonly policy: string; readonly message: string }[];
  /** One sentence. */
  readonly summary: string;
}

/** A request of the past, and how it was judged then. */
export interface RecordedRequest {
  readonly request: PolicyRequest;
  readonly decision: 'allow' | 'deny';
}

/** A recorded request whose verdict a change of policy would change. */
export interface PlannedChange {
  readonly request: PolicyRequest;
  readonly before: 'allow' | 'deny';
  readonly after: 'allow' | 'deny';
  readonly beforePolicies: readonly string[];
  readonly afterPolicies: readonly string[];
  /** How often it stands in the recording. */
  readonly count: number;
  /** Why it would be denied, or was. */
  readonly explanation: PolicyExplanation;
}

/** What a change of policy would do to recorded traffic. */
export interface PolicyPlan {
  readonly requests: number;
  readonly newlyAllowed: number;
  readonly newlyDenied: number;
  /**
   * Requests that the old policies judge otherwise than was recorded, since they read what records do not keep
   * (claims, e-mail, second factor), or were other policies. Nothing is said about these.
   */
  readonly unreproduced: number;
  readonly changes: readonly PlannedChange[];
}
