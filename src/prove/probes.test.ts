import { describe, expect, test } from 'vitest';
import type { Decision } from '../api/record.ts';
import { faultOfAdmission, faultOfSuccess, judgeRefusal, wasLetThrough } from './probes.ts';
import type { Observation } from './wire/observation.ts';

const record = (verdict: Decision['verdict'], filter?: string, code?: string): Decision => ({
  kind: 'decision',
  id: '0199a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b',
  timeMs: 0,
  plane: 'edge',
  verdict,
  status: 0,
  method: 'GET',
  host: 'localhost',
  path: '/',
  remoteAddress: '127.0.0.1',
  steps: [],
  ...(filter === undefined || code === undefined ? {} : { reason: { filter, code, message: 'm' } }),
  durationMs: 0,
});
const seen = (status: number, more: Partial<Observation> = {}): Observation => ({
  sent: '',
  received: 'nothing',
  status,
  ...more,
});
const judge = judgeRefusal({ status: 401, codes: ['authn.signature'], filter: 'authn' });

describe('a refusal', () => {
  test('counts when status, code and record agree', () => {
    const attack = seen(401, { code: 'authn.signature', record: record('deny', 'authn', 'authn.signature') });
    expect(judge(attack)).toEqual({ verdict: 'stopped', because: '401 authn.signature by authn' });
  });

  test.each([
    ['another status', seen(403, { code: 'authn.signature', record: record('deny', 'authn', 'authn.signature') })],
    ['another code', seen(401, { code: 'authn.issuer', record: record('deny', 'authn', 'authn.issuer') })],
    ['no code', seen(401)],
    ['no record', seen(401, { code: 'authn.signature' })],
    [
      'a record of another filter',
      seen(401, { code: 'authn.signature', record: record('deny', 'authz', 'authn.signature') }),
    ],
    [
      'a record of another code',
      seen(401, { code: 'authn.signature', record: record('deny', 'authn', 'authn.issuer') }),
    ],
    ['no answer', seen(0)],
  ])('does not count with %s', (_, attack) => {
    expect(judge(attack).verdict).toBe('inconclusive');
  });

  test.each([
    ['a success', seen(200)],
    ['a redirect', seen(302)],
    ['a refusal by the service itself', seen(401, { code: 'authn.signature', record: record('allow') })],
  ])('is none with %s', (_, attack) => {
    expect(wasLetThrough(attack)).toBe(true);
    expect(judge(attack).verdict).toBe('got-through');
  });

  test('may come from any of several filters', () => {
    const wide = judgeRefusal({ status: [400, 413], codes: ['a', 'b'], filter: ['x', 'y'] });
    expect(wide(seen(413, { code: 'b', record: record('deny', 'y', 'b') })).verdict).toBe('stopped');
    expect(wide(seen(413, { code: 'b', record: record('deny', 'z', 'b') })).verdict).toBe('inconclusive');
  });
});

describe('a control request', () => {
  test('is in order when it succeeds and the ledger agrees', () => {
    expect(faultOfSuccess(seen(200, { record: record('allow') }))).toBeUndefined();
    expect(faultOfSuccess(seen(204))).toBeUndefined();
  });

  test.each([seen(0), seen(401), seen(404), seen(500), seen(200, { record: record('error') })])(
    'is not: %o',
    (control) => {
      expect(faultOfSuccess(control)).toBeDefined();
    },
  );

  test('that must only reach the service may find nothing there', () => {
    expect(faultOfAdmission(seen(404, { record: record('allow') }))).toBeUndefined();
    expect(faultOfAdmission(seen(404, { record: record('deny', 'route', 'gateway.no-route') }))).toBeDefined();
    expect(faultOfAdmission(seen(502, { record: record('allow') }))).toBeDefined();
    expect(faultOfAdmission(seen(404))).toBeDefined();
  });
});
