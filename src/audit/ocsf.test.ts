import { describe, expect, test } from 'vitest';
import { allowedDecision, auditEvent, deniedDecision } from '../../test/fakes/records.ts';
import { toOcsf } from './control.ts';

const everyClass = ['activity_id', 'category_uid', 'class_uid', 'metadata', 'severity_id', 'time', 'type_uid'];
const required: Readonly<Record<number, readonly string[]>> = {
  6003: [...everyClass, 'actor', 'api', 'src_endpoint'],
  3002: [...everyClass, 'user'],
};

const records = {
  'an allowed request': allowedDecision({ operation: 'POST /orders' }),
  'a denied request': deniedDecision({ principal: { kind: 'user', id: 'u1', roles: ['customer'] } }),
  'a request that was cut': deniedDecision({ verdict: 'error', status: 0, method: 'BREW' }),
  'a secret that was read': auditEvent(),
  'a login': auditEvent({ action: 'user.login', target: 'console' }),
  'a failed revocation': auditEvent({ action: 'svid.revoke', outcome: 'failure', detail: { reason: 'unknown' } }),
};

describe('every record has the attributes that its class requires', () => {
  test.each(Object.entries(records))('%s', (_, record) => {
    const event = toOcsf(record);
    for (const name of required[event.class_uid] ?? ['?']) expect(event[name], name).toBeDefined();
    expect(event.type_uid).toBe(event.class_uid * 100 + event.activity_id);
    expect(event.category_uid).toBe(Math.floor(event.class_uid / 1000));
    expect(event.metadata).toMatchObject({ version: '1.5.0', uid: record.id, product: { name: 'Merlon' } });
    if (event.class_uid === 6003) expect(event.api).toMatchObject({ operation: expect.any(String) });
  });
});

test('verdicts and methods are told in the schema’s numbers', () => {
  expect(toOcsf(records['a denied request'])).toMatchObject({
    class_uid: 6003,
    activity_id: 1,
    status_id: 2,
    action_id: 2,
    disposition_id: 2,
    status_code: 'authz.scope-missing',
    actor: { user: { uid: 'u1', type_id: 1, groups: [{ name: 'customer' }] } },
    http_response: { code: 403 },
  });
  expect(toOcsf(allowedDecision({ method: 'GET' }))).toMatchObject({ activity_id: 2, action_id: 1, severity_id: 1 });
  expect(toOcsf(records['a request that was cut'])).toMatchObject({ activity_id: 99, type_uid: 600399 });
  expect(toOcsf(records['a login'])).toMatchObject({ class_uid: 3002, activity_id: 1, user: { uid: 'alice' } });
  expect(toOcsf(records['a failed revocation'])).toMatchObject({ activity_id: 4, status_id: 2 });
});

test('the gravest rule of the firewall stands in its own attribute, the others beside the score', () => {
  const matches = [
    { rule: '942100', message: 'SQL injection', variable: 'ARGS:q', value: "9' xx" },
    { rule: '942190', message: 'More of it' },
  ];
  expect(toOcsf(deniedDecision({ waf: { score: 10, threshold: 5, matches } }))).toMatchObject({
    firewall_rule: { uid: '942100', name: 'SQL injection', match_location: 'ARGS:q', match_details: ["9' xx"] },
    unmapped: { waf: { score: 10, threshold: 5, rules: ['942100', '942190'] } },
  });
  expect(toOcsf(deniedDecision())).not.toHaveProperty('firewall_rule');
});
