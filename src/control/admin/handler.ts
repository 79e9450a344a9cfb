import { problemBody, problemOf, problemType } from '../../api/problem.ts';
import type { Decision, Denial } from '../../api/record.ts';
import type { Clock } from '../../core/clock.ts';
import { MerlonError, messageOf } from '../../core/errors.ts';
import { uuidV7 } from '../../core/ids.ts';
import type { Logger } from '../../core/log.ts';
import type { GuardedRequest } from './guard.ts';
import { type AdminOperation, adminOperations } from './operations.ts';
import type { AdminPorts } from './ports.ts';
import { AdminError } from './request.ts';

/** A request as the admin API sees it. */
export interface AdminRequest extends GuardedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly remoteAddress: string;
  body(): Promise<Buffer | undefined>;
}

export interface AdminResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface AdminHandlerOptions {
  readonly ports: AdminPorts;
  readonly guard: (request: GuardedRequest) => Denial | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The admin API as a function: whoever is not let in learns only that, and leaves a decision behind. */
export function createAdminHandler({
  ports,
  guard,
  clock,
  log,
}: AdminHandlerOptions): (request: AdminRequest) => Promise<AdminResponse> {
  const decide = (request: AdminRequest, id: string, status: number, denial: Denial | undefined): void =>
    ports.record(decisionOf(request, id, status, denial, clock.now()));

  return async (request) => {
    const id = uuidV7(clock.now());
    const denial = guard(request);
    if (denial !== undefined) {
      decide(request, id, denial.status, denial);
      return problem(denial.status, problemOf(denial, id), denial.headers);
    }
    try {
      const [operation, rest] = find(request.method, request.path);
      const body = parseJson(await request.body());
      const result = await operation[2](ports, { rest, query: new URLSearchParams(request.query), body });
      decide(request, id, 200, undefined);
      return {
        status: 200,
        headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
        body: JSON.stringify(result),
      };
    } catch (error) {
      return failure(error, id, log);
    }
  };
}

function find(method: string, path: string): [AdminOperation, rest: string] {
  const matching = adminOperations.flatMap((operation): [AdminOperation, string][] => {
    const rest = match(operation[1], path);
    return rest === undefined ? [] : [[operation, rest]];
  });
  const found = matching.find(([operation]) => operation[0] === method);
  if (found !== undefined) return found;
  if (matching.length > 0) throw new AdminError(405, 'admin.method', 'the method is not allowed here');
  throw new AdminError(404, 'admin.not-found', 'there is no such operation');
}

/** What `*` stands for; empty where the pattern has none; undefined where it does not match. */
function match(pattern: string, path: string): string | undefined {
  if (!pattern.endsWith('*')) return path === pattern ? '' : undefined;
  const prefix = pattern.slice(0, -1);
  return path.startsWith(prefix) && path.length > prefix.length ? path.slice(prefix.length) : undefined;
}

function parseJson(bytes: Buffer | undefined): unknown {
  if (bytes === undefined || bytes.length === 0) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new AdminError(400, 'admin.bad-request', 'the body is not JSON');
  }
}

function failure(error: unknown, id: string, log: Logger): AdminResponse {
  if (error instanceof AdminError)
    return problem(error.status, problemBody(error.status, error.code, error.message, id));
  if (error instanceof MerlonError) return problem(409, problemBody(409, error.code, error.message, id));
  log.error({ decision: id, error: messageOf(error) }, 'an admin operation failed');
  return problem(500, problemBody(500, 'admin.internal', 'the operation failed', id));
}

function problem(status: number, body: string, headers: Readonly<Record<string, string>> = {}): AdminResponse {
  return { status, headers: { 'content-type': problemType, 'cache-control': 'no-store', ...headers }, body };
}

function decisionOf(
  request: AdminRequest,
  id: string,
  status: number,
  denial: Denial | undefined,
  nowMs: number,
): Decision {
  return {
    kind: 'decision',
    id,
    timeMs: nowMs,
    plane: 'admin',
    verdict: denial === undefined ? 'allow' : 'deny',
    status,
    method: request.method,
    host: request.host,
    path: request.path,
    remoteAddress: request.remoteAddress,
    principal: denial === undefined ? { kind: 'operator', id: 'admin-token' } : { kind: 'anonymous', id: 'anonymous' },
    steps: [{ filter: 'admin', outcome: denial === undefined ? 'pass' : 'deny' }],
    ...(denial === undefined ? {} : { reason: denial.reason }),
    durationMs: 0,
  };
}
