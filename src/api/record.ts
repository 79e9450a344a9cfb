// What the ledger holds: decisions (a request, judged) and events (something was done). Both carry an id that a
// person can quote, and neither ever carries a secret, a token or an unmasked value of a sensitive field.

/** Who acted. */
export interface Principal {
  readonly kind: 'user' | 'client' | 'workload' | 'operator' | 'anonymous';
  /** `sub`, client id, SPIFFE ID or operator's name. */
  readonly id: string;
  /** `iss` of the token, where there was one. */
  readonly issuer?: string;
  /** The OAuth client through which the principal acts. */
  readonly client?: string;
  readonly roles?: readonly string[];
  readonly scopes?: readonly string[];
}

/** The certificate that the caller showed at the edge, verified. */
export interface ClientCertificate {
  /** Distinguished name, most specific part first: `CN=robot,O=Shop`. */
  readonly subject: string;
  /** SHA-256 of the certificate, lower-case hex. */
  readonly fingerprint: string;
  /** Its subjectAltName: host names, URIs, addresses, without their kinds. */
  readonly names: readonly string[];
}

/** What a filter did with a request. `skip`: the route does not use it, or an earlier filter ended the request. */
export type StepOutcome = 'pass' | 'deny' | 'report' | 'skip';

/** One filter's part in a decision, in running order. */
export interface Step {
  readonly filter: string;
  readonly outcome: StepOutcome;
}

/** Why a request was denied: enough to answer "why 403?" without the request itself. */
export interface Reason {
  /** The filter that decided: `authn`, `authz`, `openapi` ... */
  readonly filter: string;
  /** Stable error code: `authn.token-expired`. */
  readonly code: string;
  /** The public sentence, as sent to the caller. */
  readonly message: string;
  /** For the operator only. */
  readonly detail?: string;
  /** The rule, policy or limit by name: `policies/orders.cedar:12 (orders-write)`, `perUser 60/min`. */
  readonly rule?: string;
  /** The clause within the rule that failed: `when { context.scopes.contains("orders:write") }`. */
  readonly clause?: string;
  /** The claim, header, parameter or field that was looked at: `scope`, `aud`, `body /items/0/qty`. */
  readonly claim?: string;
  readonly expected?: string;
  /** What was there instead, masked where it may be sensitive. */
  readonly actual?: string;
  /** The smallest changes that would allow it, best first, as sentences. */
  readonly fixes?: readonly string[];
}

/** One rule of the WAF that matched. */
export interface WafMatch {
  /** Id of the rule. */
  readonly rule: string;
  readonly message: string;
  /** Of the rule: `CRITICAL`. Absent where it only adds up what others found. */
  readonly severity?: string;
  /** What it looked at, in SecLang's words: `ARGS:json.comment`. Absent where the rule looks at no value. */
  readonly variable?: string;
  /** The shape of the value: letters as `x`, digits as `9`. */
  readonly value?: string;
}

/** What the WAF found in a request. */
export interface WafFindings {
  /** Sum of the scores of all that matched; 0 where the rules keep none. */
  readonly score: number;
  /** At which sum a request is refused; 0 where the rules keep none. */
  readonly threshold: number;
  /** At most 32, the gravest first. */
  readonly matches: readonly WafMatch[];
}

/** Why a service of several answered: the request's headers, the weights, or since no other took it. */
export type Variant = 'header' | 'weight' | 'rest';

/** A request, judged by the data plane. */
export interface Decision {
  readonly kind: 'decision';
  /** UUIDv7. */
  readonly id: string;
  /** Epoch milliseconds. */
  readonly timeMs: number;
  readonly plane: 'edge' | 'mesh' | 'egress' | 'admin' | 'secrets';
  readonly verdict: 'allow' | 'deny' | 'error';
  /** HTTP status sent to the caller; 0 where the connection was cut without one. A refusal of a gRPC call keeps the status it stands for. */
  readonly status: number;
  /** Of a gRPC call: the status that its caller got (`grpc-status`). */
  readonly grpcStatus?: number;
  readonly method: string;
  readonly host: string;
  /** Normalised path without the query. */
  readonly path: string;
  readonly remoteAddress: string;
  readonly route?: string;
  readonly service?: string;
  /** On routes that are split: how `service` was chosen. */
  readonly variant?: Variant;
  /** OpenAPI operation: `GET /orders/{id}`. */
  readonly operation?: string;
  readonly principal?: Principal;
  readonly clientCertificate?: ClientCertificate;
  readonly steps: readonly Step[];
  readonly reason?: Reason;
  /** Where rules of the WAF matched, whether or not that was enough to refuse. */
  readonly waf?: WafFindings;
  /** W3C trace id of the request. */
  readonly traceId?: string;
  readonly durationMs: number;
  /** Version of the snapshot that judged it. */
  readonly snapshot?: string;
}

/** Something that was done, or refused, outside a request's path: a login, a secret read, an SVID issued, a reload. */
export interface AuditEvent {
  readonly kind: 'event';
  readonly id: string;
  readonly timeMs: number;
  readonly actor: Principal;
  /** Dotted: `secret.read`, `svid.issue`, `user.create`, `snapshot.reject`. */
  readonly action: string;
  readonly target: string;
  readonly outcome: 'success' | 'failure';
  /** Named facts, never secret. */
  readonly detail?: Readonly<Record<string, string | number | boolean>>;
}

export type LedgerRecord = Decision | AuditEvent;

/** How a capability reports what it did; the composition root supplies it. Must not throw, must not block. */
export type EmitEvent = (event: Omit<AuditEvent, 'kind' | 'id' | 'timeMs'>) => void;

/** What a filter gives back to end a request. */
export interface Denial {
  /** HTTP status. */
  readonly status: number;
  readonly reason: Reason;
  /** Extension members of the problem document (RFC 9457, section 3.2). */
  readonly members?: Readonly<Record<string, unknown>>;
  /** Extra response header fields, such as `WWW-Authenticate` or `Retry-After`; names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
}
