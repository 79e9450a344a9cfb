import type {
  AuditEvent,
  ClientCertificate,
  Decision,
  LedgerRecord,
  Principal,
  Reason,
  Step,
  WafFindings,
} from '../api/record.ts';

/** A named fact: `issuer`, `https://issuer.example`. */
export interface Fact {
  readonly name: string;
  readonly value: string;
}

/** A filter's part, and whether the verdict is its doing. */
export interface ExplainedStep extends Step {
  readonly decided: boolean;
}

/** The answer to "why?" for one record, in the order in which a person reads it. JSON as it stands. */
export interface Explanation {
  readonly id: string;
  readonly kind: LedgerRecord['kind'];
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly verdict: 'allowed' | 'denied' | 'failed' | 'done';
  /** HTTP status, where one was sent. */
  readonly status?: number;
  /** What was asked for: `POST shop.example/api/orders`, or `secret.read secret/data/orders`. */
  readonly subject: string;
  readonly who: readonly Fact[];
  /** Route, service, operation, address, trace, snapshot ... */
  readonly where: readonly Fact[];
  /** The filters in running order; empty for an event. */
  readonly steps: readonly ExplainedStep[];
  /** What the WAF found: the score, then each rule that matched; empty where none did. */
  readonly waf: readonly Fact[];
  /** Why it was not allowed; undefined where it was. */
  readonly why?: Omit<Reason, 'fixes'>;
  /** The smallest changes that would allow it, best first. */
  readonly fixes: readonly string[];
}

const variants = {
  header: 'headers of the request',
  weight: 'weight',
  rest: 'no variant of the route took it',
} as const;
const verdicts = { allow: 'allowed', deny: 'denied', error: 'failed' } as const;

/** Explains a record from what it holds itself. */
export function explain(record: LedgerRecord): Explanation {
  return record.kind === 'decision' ? explainDecision(record) : explainEvent(record);
}

function explainDecision(decision: Decision): Explanation {
  const { fixes = [], ...why } = decision.reason ?? {};
  const decided = decision.reason?.filter;
  return {
    id: decision.id,
    kind: 'decision',
    time: formatTime(decision.timeMs),
    verdict: verdicts[decision.verdict],
    ...(decision.status > 0 && { status: decision.status }),
    subject: `${decision.method} ${decision.host}${decision.path}`,
    who: [
      ...explainPrincipal(decision.principal ?? { kind: 'anonymous', id: '' }),
      ...(decision.clientCertificate === undefined ? [] : explainCertificate(decision.clientCertificate)),
    ],
    where: facts({
      route: decision.route,
      service: decision.service,
      'chosen by': decision.variant && variants[decision.variant],
      operation: decision.operation,
      'grpc status': decision.grpcStatus?.toString(),
      from: decision.remoteAddress,
      plane: decision.plane,
      took: `${decision.durationMs} ms`,
      snapshot: decision.snapshot,
      trace: decision.traceId,
    }),
    steps: decision.steps.map((step) => ({ ...step, decided: step.filter === decided && step.outcome === 'deny' })),
    waf: decision.waf === undefined ? [] : explainWaf(decision.waf),
    ...(decision.reason && { why: why as Omit<Reason, 'fixes'> }),
    fixes,
  };
}

function explainEvent(event: AuditEvent): Explanation {
  const detail = Object.entries(event.detail ?? {}).map(([name, value]) => ({ name, value: String(value) }));
  return {
    id: event.id,
    kind: 'event',
    time: formatTime(event.timeMs),
    verdict: event.outcome === 'success' ? 'done' : 'failed',
    subject: `${event.action} ${event.target}`,
    who: explainPrincipal(event.actor),
    where: detail,
    steps: [],
    waf: [],
    fixes: [],
  };
}

function explainWaf({ score, threshold, matches }: WafFindings): Fact[] {
  const rules = matches.map(({ rule, message, variable, value }) => ({
    name: rule,
    value: [message, ...(variable === undefined ? [] : [`${variable} = ${value ?? ''}`])].join(': '),
  }));
  if (threshold === 0) return rules;
  return [{ name: 'score', value: `${score}, refused from ${threshold} on` }, ...rules];
}

function explainCertificate({ subject, fingerprint, names }: ClientCertificate): Fact[] {
  return facts({ certificate: [subject, ...names].filter(Boolean).join(', '), 'sha-256': fingerprint });
}

function explainPrincipal({ kind, id, issuer, client, roles, scopes }: Principal): Fact[] {
  if (kind === 'anonymous') return [{ name: 'anonymous', value: id || 'nobody: no credential was accepted' }];
  return [
    { name: kind, value: id },
    ...facts({
      issuer,
      client,
      roles: roles && (roles.join(', ') || 'none'),
      scopes: scopes && (scopes.join(' ') || 'none'),
    }),
  ];
}

function facts(named: Readonly<Record<string, string | undefined>>): Fact[] {
  return Object.entries(named).flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]));
}

function formatTime(timeMs: number): string {
  const time = new Date(timeMs);
  return Number.isNaN(time.getTime()) ? `${timeMs} ms` : time.toISOString();
}
