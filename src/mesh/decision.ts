import type { Decision, Denial, Principal, Step } from '../api/record.ts';
import type { Clock } from '../core/clock.ts';
import { uuidV7 } from '../core/ids.ts';
import type { ServerRequest } from '../net/index.ts';

/** What a mesh decision is about. */
export interface MeshFacts {
  readonly plane: 'mesh' | 'egress';
  readonly id: string;
  readonly startedMs: number;
  readonly service: string | undefined;
  readonly caller: string | undefined;
  readonly steps: readonly Step[];
}

/** The record of a mesh request that ended with `status`. */
export function meshDecision(
  request: ServerRequest,
  facts: MeshFacts,
  status: number,
  clock: Clock,
  denial?: Denial,
): Decision {
  const principal: Principal | undefined =
    facts.caller === undefined ? undefined : { kind: 'workload', id: facts.caller };
  return {
    kind: 'decision',
    id: facts.id,
    timeMs: facts.startedMs,
    plane: facts.plane,
    verdict: denial === undefined ? (status >= 500 || status === 0 ? 'error' : 'allow') : 'deny',
    status,
    method: request.method,
    host: request.host,
    path: request.path,
    remoteAddress: request.remoteAddress,
    ...(facts.service === undefined ? {} : { service: facts.service }),
    ...(principal === undefined ? {} : { principal }),
    steps: facts.steps,
    ...(denial === undefined ? {} : { reason: denial.reason }),
    durationMs: clock.now() - facts.startedMs,
  };
}

/** A fresh decision id. */
export function nextId(clock: Clock): string {
  return uuidV7(clock.now());
}
