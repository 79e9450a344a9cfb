import type { Decision, Denial, Step, StepOutcome } from '../api/record.ts';
import { shownCertificate } from './client-certificate.ts';
import type { Draft } from './draft.ts';
import type { Exchange } from './exchange.ts';
import { filterTable } from './filters/index.ts';

const filterNames = ['route', ...filterTable.map(([name]) => name), 'forward'];

/** Every filter there is, in running order, and what each did: `deciding` ended the request; later ones were not asked. */
function stepsOf(
  chain: readonly string[],
  deciding: string | undefined,
  reported: readonly Denial[] | undefined,
): readonly Step[] {
  const used = new Set(['route', ...chain, 'forward']);
  let over = false;
  return filterNames.map((filter) => {
    let outcome: StepOutcome = over || !used.has(filter) ? 'skip' : 'pass';
    if (outcome === 'pass' && reported?.some(({ reason }) => reason.filter === filter)) outcome = 'report';
    if (!over && filter === deciding) {
      over = true;
      outcome = 'deny';
    }
    return { filter, outcome };
  });
}

/** The steps of a request that all filters of `chain` let pass. Nearly every request is one: they are made once a route. */
export function passedSteps(chain: readonly string[]): readonly Step[] {
  return stepsOf(chain, undefined, undefined);
}

export interface Ending {
  readonly status: number;
  readonly denial: Denial | undefined;
  readonly traceId: string | undefined;
  readonly snapshot: string;
  /** When it was over. */
  readonly nowMs: number;
}

/** The record of an exchange that is over. */
export function decisionOf(exchange: Exchange, { status, denial, traceId, snapshot, nowMs }: Ending): Decision {
  const { request, route, caller, operation, reports } = exchange;
  const passed = denial === undefined && reports === undefined;
  const decision: Draft<Decision> = {
    kind: 'decision',
    id: exchange.id,
    timeMs: exchange.startedMs,
    plane: 'edge',
    verdict: verdictOf(status, denial),
    status,
    method: request.method,
    host: request.host,
    path: request.path,
    remoteAddress: request.client.address,
    principal: caller.principal,
    steps: passed ? route.passed : stepsOf(route.chain.names, denial?.reason.filter, reports),
    durationMs: nowMs - exchange.startedMs,
    snapshot,
  };
  if (route.service.name !== '') {
    decision.route = route.config.name;
    decision.service = route.service.name;
    if (route.variant !== undefined) decision.variant = route.variant;
  }
  if (operation?.kind === 'match') decision.operation = `${operation.operation.method} ${operation.operation.template}`;
  if (request.peerCertificate !== undefined)
    decision.clientCertificate = shownCertificate(request.peerCertificate).facts;
  if (exchange.grpcMethod !== undefined) decision.operation = exchange.grpcMethod;
  if (exchange.grpcStatus !== undefined) decision.grpcStatus = exchange.grpcStatus;
  if (denial !== undefined) decision.reason = denial.reason;
  if (exchange.findings !== undefined) decision.waf = exchange.findings;
  if (traceId !== undefined) decision.traceId = traceId;
  return decision;
}

function verdictOf(status: number, denial: Denial | undefined): Decision['verdict'] {
  if (denial !== undefined) return denial.status >= 500 ? 'error' : 'deny';
  return status >= 500 || status === 0 ? 'error' : 'allow';
}
