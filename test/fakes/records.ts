import type { AuditEvent, Decision } from '../../src/api/record.ts';
import { uuidV7 } from '../../src/core/ids.ts';

/** A decision that was denied, with `changes` made to it. */
export function deniedDecision(changes: Partial<Decision> = {}): Decision {
  const timeMs = changes.timeMs ?? Date.UTC(2026, 0, 1);
  return {
    kind: 'decision',
    id: uuidV7(timeMs),
    timeMs,
    plane: 'edge',
    verdict: 'deny',
    status: 403,
    method: 'POST',
    host: 'shop.example',
    path: '/api/orders',
    remoteAddress: '203.0.113.7',
    route: '/api/orders',
    service: 'orders',
    steps: [
      { filter: 'authn', outcome: 'pass' },
      { filter: 'authz', outcome: 'deny' },
    ],
    reason: { filter: 'authz', code: 'authz.scope-missing', message: 'the token lacks a scope' },
    durationMs: 1.25,
    ...changes,
  };
}

/** A decision that was allowed, with `changes` made to it. */
export function allowedDecision(changes: Partial<Decision> = {}): Decision {
  const { reason: _, ...decision } = deniedDecision();
  return { ...decision, verdict: 'allow', status: 200, steps: [{ filter: 'authn', outcome: 'pass' }], ...changes };
}

/** An event, with `changes` made to it. */
export function auditEvent(changes: Partial<AuditEvent> = {}): AuditEvent {
  const timeMs = changes.timeMs ?? Date.UTC(2026, 0, 1);
  return {
    kind: 'event',
    id: uuidV7(timeMs),
    timeMs,
    actor: { kind: 'operator', id: 'alice' },
    action: 'secret.read',
    target: 'secret/data/orders',
    outcome: 'success',
    ...changes,
  };
}
