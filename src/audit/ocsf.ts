// Records as events of the Open Cybersecurity Schema Framework (https://schema.ocsf.io, version 1.5.0):
// decisions and most events as API Activity (6003) with the Security Control profile, logins as Authentication (3002).

import type { AuditEvent, Decision, LedgerRecord, Principal, WafFindings } from '../api/record.ts';

const schemaVersion = '1.5.0';

const apiActivity = {
  class_uid: 6003,
  class_name: 'API Activity',
  category_uid: 6,
  category_name: 'Application Activity',
};
const authentication = {
  class_uid: 3002,
  class_name: 'Authentication',
  category_uid: 3,
  category_name: 'Identity & Access Management',
};

/** An OCSF event. The attributes that every class requires are named; the others depend on the class. */
export interface OcsfEvent {
  readonly class_uid: number;
  readonly category_uid: number;
  readonly activity_id: number;
  /** `class_uid * 100 + activity_id`. */
  readonly type_uid: number;
  readonly severity_id: number;
  /** Epoch milliseconds. */
  readonly time: number;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly [attribute: string]: unknown;
}

const other = 99;
const methodActivities = new Map([
  ['POST', 1],
  ['GET', 2],
  ['HEAD', 2],
  ['OPTIONS', 2],
  ['PUT', 3],
  ['PATCH', 3],
  ['DELETE', 4],
]);
const verbActivities = new Map([
  ['create', 1],
  ['issue', 1],
  ['register', 1],
  ['add', 1],
  ['read', 2],
  ['list', 2],
  ['get', 2],
  ['update', 3],
  ['write', 3],
  ['rotate', 3],
  ['renew', 3],
  ['delete', 4],
  ['destroy', 4],
  ['remove', 4],
  ['revoke', 4],
]);
const activityNames = new Map([
  [1, 'Create'],
  [2, 'Read'],
  [3, 'Update'],
  [4, 'Delete'],
  [other, 'Other'],
]);
// Types of users: 1 user, 2 admin, 3 system, 99 other.
const userTypes = { user: 1, operator: 2, workload: 3, client: 3, anonymous: 0 } as const;

/** `record` as an OCSF event. */
export function toOcsf(record: LedgerRecord): OcsfEvent {
  return record.kind === 'decision' ? fromDecision(record) : fromEvent(record);
}

function base(record: LedgerRecord, eventClass: { class_uid: number; category_uid: number }, activity: number) {
  return {
    ...eventClass,
    activity_id: activity,
    type_uid: eventClass.class_uid * 100 + activity,
    time: record.timeMs,
    metadata: {
      version: schemaVersion,
      uid: record.id,
      product: { name: 'Merlon', vendor_name: 'Merlon' },
      profiles: record.kind === 'decision' ? ['security_control'] : [],
      ...(record.kind === 'decision' && record.traceId !== undefined && { correlation_uid: record.traceId }),
    },
  };
}

function toUser({ kind, id, issuer }: Principal) {
  return { uid: id, name: id || kind, type_id: userTypes[kind], ...(issuer !== undefined && { domain: issuer }) };
}

function toActor(principal: Principal) {
  const { client, roles } = principal;
  const groups = roles?.map((name) => ({ name }));
  return {
    user: { ...toUser(principal), ...(groups !== undefined && { groups }) },
    ...(client !== undefined && { app_uid: client }),
  };
}

/** The gravest rule of the WAF as the profile has it; the others, and the score, have no place of their own there. */
function toFirewallRule({ score, threshold, matches }: WafFindings) {
  const [first] = matches;
  return {
    ...(first && {
      firewall_rule: {
        uid: first.rule,
        name: first.message,
        ...(first.variable !== undefined && { match_location: first.variable, match_details: [first.value ?? ''] }),
      },
    }),
    unmapped: { waf: { score, threshold, rules: matches.map(({ rule }) => rule) } },
  };
}

function fromDecision(decision: Decision): OcsfEvent {
  const { verdict, status, method, host, path, service, operation, reason, principal, remoteAddress } = decision;
  const activity = methodActivities.get(method) ?? other;
  const allowed = verdict === 'allow';
  return {
    ...base(decision, apiActivity, activity),
    activity_name: activityNames.get(activity),
    // Informational, low, medium.
    severity_id: allowed ? 1 : verdict === 'deny' ? 2 : 3,
    status_id: allowed ? 1 : 2,
    status: allowed ? 'Success' : 'Failure',
    ...(reason && { status_code: reason.code, status_detail: reason.message, message: reason.message }),
    action_id: allowed ? 1 : 2,
    action: allowed ? 'Allowed' : 'Denied',
    disposition_id: allowed ? 1 : 2,
    disposition: allowed ? 'Allowed' : 'Blocked',
    ...(reason?.rule !== undefined && { policy: { name: reason.rule } }),
    ...(decision.waf !== undefined && toFirewallRule(decision.waf)),
    actor: toActor(principal ?? { kind: 'anonymous', id: '' }),
    api: {
      operation: operation ?? `${method} ${decision.route ?? path}`,
      ...(service !== undefined && { service: { name: service } }),
      response: { code: status, ...(reason && { error: reason.code, error_message: reason.message }) },
    },
    src_endpoint: { ip: remoteAddress },
    dst_endpoint: { hostname: host, ...(service !== undefined && { svc_name: service }) },
    http_request: { http_method: method, url: { hostname: host, path, url_string: `${host}${path}` } },
    http_response: { code: status, latency: Math.round(decision.durationMs) },
    duration: Math.round(decision.durationMs),
  };
}

function fromEvent(event: AuditEvent): OcsfEvent {
  const { action, actor, target, detail } = event;
  const verb = action.slice(action.lastIndexOf('.') + 1);
  const succeeded = event.outcome === 'success';
  const shared = {
    severity_id: succeeded ? 1 : 2,
    status_id: succeeded ? 1 : 2,
    status: succeeded ? 'Success' : 'Failure',
    actor: toActor(actor),
    message: `${action} ${target}`,
    src_endpoint: { name: actor.id || actor.kind },
    ...(detail !== undefined && { unmapped: detail }),
  };
  if (verb === 'login') {
    const logon = { ...base(event, authentication, 1), activity_name: 'Logon' };
    return { ...logon, ...shared, user: toUser(actor), service: { name: target } };
  }
  const activity = verbActivities.get(verb) ?? other;
  return {
    ...base(event, apiActivity, activity),
    activity_name: activityNames.get(activity),
    ...shared,
    api: { operation: action },
    resources: [{ name: target }],
  };
}
