import fc from 'fast-check';
import { expect, test } from 'vitest';
import { allowedDecision, auditEvent, deniedDecision } from '../../test/fakes/records.ts';
import type { Decision, Principal } from '../api/record.ts';
import { maskRecord } from './mask.ts';
import { recordJson } from './record-json.ts';

const plainly = (record: Parameters<typeof recordJson>[0]): unknown => JSON.parse(JSON.stringify(maskRecord(record)));

test('says the same as the masked record does', () => {
  const principal: Principal = {
    kind: 'user',
    id: 'ada@shop.example',
    issuer: 'https://id.example',
    scopes: ['a', 'b'],
  };
  for (const record of [
    allowedDecision(),
    allowedDecision({ principal, operation: 'GET /orders/{id}', traceId: '0'.repeat(32), durationMs: 1.25 }),
    deniedDecision(),
    auditEvent({ detail: { note: 'password: x' } }),
  ])
    expect(JSON.parse(recordJson(record))).toEqual(plainly(record));
});

test('whatever stands in its texts: quotes, controls, e-mail addresses, tokens, more than is kept', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom(
      'a"b',
      '\\',
      '\n',
      '\u2028',
      'ada@shop.example',
      'Bearer abcdefghijkl',
      '4111 1111 1111 1111',
      'x'.repeat(3000),
    ),
  );
  const texts = fc.record({ method: text, host: text, path: text, remoteAddress: text, route: text, snapshot: text });
  fc.assert(
    fc.property(texts, text, (members, id) => {
      const record: Decision = allowedDecision({ ...members, principal: { kind: 'user', id } });
      expect(JSON.parse(recordJson(record))).toEqual(plainly(record));
    }),
  );
});
