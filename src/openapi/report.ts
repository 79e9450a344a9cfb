import type { EndpointCaller, EndpointFindings, EndpointUse } from '../api/edge.ts';

/** One request to an endpoint that is undeclared, or on its way out. */
export interface EndpointVisit {
  readonly service: string;
  readonly method: string;
  /** A shadow's path as it came, a zombie's template. */
  readonly path: string;
  /** Whether the service answered it with less than 400. */
  readonly answered: boolean;
  readonly client: string;
  readonly roles: readonly string[];
  /** Day on which a zombie goes away. */
  readonly sunset?: string | undefined;
}

/** Counts the use of undeclared (shadow) and deprecated (zombie) endpoints. */
export interface EndpointReport {
  readonly isEmpty: boolean;
  /** A request that no operation declares. */
  shadow(visit: EndpointVisit, nowMs: number): void;
  /** A request to an operation, or a version, that is deprecated. */
  zombie(visit: EndpointVisit, nowMs: number): void;
  /** Adds what another report has counted. */
  merge(findings: EndpointFindings): void;
  /** All so far, most used first. */
  findings(): EndpointFindings;
  /** Forgets what was last used before `untilMs`; everything without it. */
  clear(untilMs?: number): void;
}

const longestPath = 200;
const method = /^[A-Z]{1,20}$/;
const maxCallers = 20;
const maxRoles = 10;
/** Stands for all callers beyond the bound. */
const others = '(others)';

type Counted = Omit<EndpointUse, 'callers' | 'count' | 'answered' | 'firstMs' | 'lastMs'> & {
  count: number;
  answered: number;
  firstMs: number;
  lastMs: number;
  readonly callers: Map<string, { roles: Set<string>; count: number }>;
};

/**
 * An empty report. Its memory is bounded by `maxEndpoints`: an attacker who probes paths fills half of it with what no
 * service answers, and no more; what is answered finds room in the other half.
 */
export function createEndpointReport(maxEndpoints = 1000): EndpointReport {
  const uses = new Map<string, Counted>();
  let overflow = 0;
  let unanswered = 0;
  const hasRoom = (use: EndpointUse): boolean => {
    if (use.kind === 'zombie') return uses.size < maxEndpoints * 2;
    return uses.size < maxEndpoints && (use.answered > 0 || unanswered < maxEndpoints / 2);
  };
  const add = (use: EndpointUse): void => {
    const key = `${use.kind} ${use.service} ${use.method} ${use.path}`;
    const known = uses.get(key);
    if (known === undefined && !hasRoom(use)) {
      overflow += use.count;
      return;
    }
    const counted = known ?? emptyUse(use);
    if (known === undefined) uses.set(key, counted);
    const wasSilent = known !== undefined && known.answered === 0;
    addTo(counted, use);
    if (use.kind === 'shadow') unanswered += Number(counted.answered === 0) - Number(wasSilent);
  };
  const count = (kind: EndpointUse['kind'], visit: EndpointVisit, path: string, nowMs: number): void => {
    const { service, answered, client, roles, sunset } = visit;
    add({
      kind,
      service,
      method: method.test(visit.method) ? visit.method : 'OTHER',
      path,
      count: 1,
      answered: Number(answered),
      firstMs: nowMs,
      lastMs: nowMs,
      callers: [{ client, roles, count: 1 }],
      ...(sunset === undefined ? {} : { sunset }),
    });
  };
  return {
    get isEmpty() {
      return uses.size === 0 && overflow === 0;
    },
    shadow: (visit, nowMs) => count('shadow', visit, generalise(visit.path), nowMs),
    zombie: (visit, nowMs) => count('zombie', visit, visit.path, nowMs),
    merge: (findings) => {
      overflow += findings.overflow;
      findings.endpoints.forEach(add);
    },
    findings: () => ({
      endpoints: [...uses.values()].map(plainUse).sort((a, b) => b.answered - a.answered || b.count - a.count),
      overflow,
    }),
    clear: (untilMs = Number.POSITIVE_INFINITY) => {
      for (const [key, use] of uses) {
        if (use.lastMs >= untilMs) continue;
        uses.delete(key);
        if (use.kind === 'shadow' && use.answered === 0) unanswered--;
      }
      if (uses.size === 0) overflow = 0;
    },
  };
}

function emptyUse({ kind, service, method: verb, path, firstMs, sunset }: EndpointUse): Counted {
  const use = { kind, service, method: verb, path, count: 0, answered: 0, firstMs, lastMs: 0, callers: new Map() };
  return sunset === undefined ? use : { ...use, sunset };
}

function addTo(counted: Counted, { count, answered, firstMs, lastMs, callers }: EndpointUse): void {
  counted.count += count;
  counted.answered += answered;
  counted.firstMs = Math.min(counted.firstMs, firstMs);
  counted.lastMs = Math.max(counted.lastMs, lastMs);
  for (const caller of callers) addCaller(counted.callers, caller);
}

function addCaller(callers: Counted['callers'], { client, roles, count }: EndpointCaller): void {
  const name = callers.has(client) || callers.size < maxCallers ? client : others;
  const caller = callers.get(name) ?? { roles: new Set<string>(), count: 0 };
  callers.set(name, caller);
  caller.count += count;
  for (const role of roles) if (caller.roles.size < maxRoles) caller.roles.add(role);
}

function plainUse({ callers, ...use }: Counted): EndpointUse {
  const plain = [...callers].map(([client, { roles, count }]) => ({ client, roles: [...roles].sort(), count }));
  return { ...use, callers: plain.sort((a, b) => b.count - a.count) };
}

/** `path` with what looks like an id left out, so that one endpoint is one entry. */
function generalise(path: string): string {
  return path
    .slice(0, longestPath)
    .split('/')
    .map((segment) => (looksLikeId(segment) ? '{}' : segment))
    .join('/');
}

/** Numbers, UUIDs, hashes and tokens: much of it digits, or long. A version is none. */
function looksLikeId(segment: string): boolean {
  if (/^v\d{1,3}$/i.test(segment)) return false;
  if (segment.length > 40) return true;
  const digits = segment.replace(/[^0-9]/g, '').length;
  return digits > 0 && (digits * 2 >= segment.length || segment.length >= 16);
}
