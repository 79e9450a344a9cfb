import type { GatewayPolicies, PlannedChange, PolicyPlan, PolicyRequest, RecordedRequest } from '../api/policy.ts';
import { createGatewayAuthorizer, type GatewayAuthorizer } from './gateway-authorizer.ts';

/** What replacing `before` by `after` would do to recorded requests. Pure; like requests are counted, not repeated. */
export function planPolicies(
  before: GatewayPolicies,
  after: GatewayPolicies,
  recorded: Iterable<RecordedRequest>,
): PolicyPlan {
  const [old, next] = [createGatewayAuthorizer(before), createGatewayAuthorizer(after)];
  const changes = new Map<string, PlannedChange>();
  const counts = { requests: 0, newlyAllowed: 0, newlyDenied: 0, unreproduced: 0 };
  for (const { request, decision } of recorded) {
    counts.requests++;
    const [was, will] = [old.decide(request).decision, next.decide(request).decision];
    if (was !== decision) counts.unreproduced++;
    if (was !== decision || was === will) continue;
    if (will === 'allow') counts.newlyAllowed++;
    else counts.newlyDenied++;
    const key = likenessOf(request);
    const known = changes.get(key);
    changes.set(key, known === undefined ? changeOf(request, old, next) : { ...known, count: known.count + 1 });
  }
  return { ...counts, changes: [...changes.values()].toSorted((a, b) => b.count - a.count) };
}

/** Requests that differ in their time alone are alike. */
function likenessOf({ nowMs: _, ...rest }: PolicyRequest): string {
  return JSON.stringify(rest);
}

function changeOf(request: PolicyRequest, old: GatewayAuthorizer, next: GatewayAuthorizer): PlannedChange {
  const [was, will] = [old.explain(request), next.explain(request)];
  return {
    request,
    before: was.decision,
    after: will.decision,
    beforePolicies: was.determining,
    afterPolicies: will.determining,
    count: 1,
    explanation: was.decision === 'deny' ? was : will,
  };
}
