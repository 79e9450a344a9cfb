import type { Decision, Denial, Step, StepOutcome } from '../api/record.ts';
import type { Clock } from '../core/clock.ts';
import type { ServerRequest } from '../net/index.ts';
import type { Exchange } from './exchange.ts';

/** Every filter there is, in running order, and what each did: `deciding` ended the request; later ones were not asked. */
export function stepsOf(
  names: readonly string[],
  used: readonly string[],
  deciding: string | undefined,
  reported: readonly Denial[] | undefined,
): Step[] {
  let over = false;
  return names.map((filter) => {
    let outcome: StepOutcome = over || !used.includes(filter) ? 'skip' : 'pass';
    if (outcome === 'pass' && reported?.some(({ reason }) => reason.filter === filter)) outcome = 'report';
    if (!over && filter === deciding) {
      over = true;
      outcome = 'deny';
    }
    return { filter, outcome };
  });
}

/** What both kinds of record say of a request. */
export function requestFacts(request: ServerRequest): Pick<Decision, 'method' | 'host' | 'path' | 'remoteAddress'> {
  return { method: request.method, host: request.host, path: request.path, remoteAddress: request.client.address };
}

export interface Ending {
  readonly verdict: Decision['verdict'];
  readonly status: number;
  readonly steps: readonly Step[];
  readonly denial: Denial | undefined;
  readonly traceId: string | undefined;
  readonly snapshot: string;
}

/** The record of an exchange that is over. */
export function decisionOf(exchange: Exchange, ending: Ending, clock: Clock): Decision {
  const { route, caller, operation } = exchange;
  return {
    kind: 'decision',
    id: exchange.id,
    timeMs: exchange.startedMs,
    plane: 'edge',
    verdict: ending.verdict,
    status: ending.status,
    ...requestFacts(exchange.request),
    ...(route.service.name === '' ? {} : { route: route.config.name, service: route.service.name }),
    ...(operation?.kind === 'match'
      ? { operation: `${operation.operation.method} ${operation.operation.template}` }
      : {}),
    principal: caller.principal,
    steps: ending.steps,
    ...(ending.denial === undefined ? {} : { reason: ending.denial.reason }),
    ...(ending.traceId === undefined ? {} : { traceId: ending.traceId }),
    durationMs: clock.now() - exchange.startedMs,
    snapshot: ending.snapshot,
  };
}
