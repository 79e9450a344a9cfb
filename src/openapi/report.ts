import type { Operation } from '../api/openapi.ts';

/** Requests to one endpoint that the document does not declare, or declares to be on its way out. */
export interface EndpointUse {
  readonly kind: 'shadow' | 'zombie';
  readonly method: string;
  /** A zombie's template; a shadow's path with numbers, UUIDs and other ids replaced by `{}`. */
  readonly path: string;
  readonly count: number;
  readonly firstMs: number;
  readonly lastMs: number;
  /** `x-sunset` of a zombie. */
  readonly sunset?: string;
}

/** What an endpoint report holds. */
export interface EndpointFindings {
  readonly endpoints: readonly EndpointUse[];
  /** Requests to further shadow endpoints, beyond the bound. */
  readonly overflow: number;
}

/** Counts the use of undeclared (shadow) and deprecated (zombie) endpoints. */
export interface EndpointReport {
  /** A request that no operation declares. */
  shadow(method: string, path: string, nowMs: number): void;
  /** A request to an operation that is declared; counted where it is deprecated. */
  use(operation: Operation, nowMs: number): void;
  /** All so far, most used first. */
  findings(): EndpointFindings;
  clear(): void;
}

const longestPath = 200;
const method = /^[A-Z]{1,20}$/;

/** An empty report. Its memory is bounded by `maxEndpoints`: an attacker who probes paths fills it and no more. */
export function createEndpointReport(maxEndpoints = 1000): EndpointReport {
  const uses = new Map<string, { -readonly [K in keyof EndpointUse]: EndpointUse[K] }>();
  let overflow = 0;
  const count = (use: Omit<EndpointUse, 'count' | 'firstMs' | 'lastMs'>, nowMs: number): void => {
    const key = `${use.kind} ${use.method} ${use.path}`;
    const known = uses.get(key);
    if (known !== undefined) {
      known.count++;
      known.lastMs = nowMs;
    } else if (use.kind === 'shadow' && uses.size >= maxEndpoints) overflow++;
    else uses.set(key, { ...use, count: 1, firstMs: nowMs, lastMs: nowMs });
  };
  return {
    shadow: (written, path, nowMs) =>
      count({ kind: 'shadow', method: method.test(written) ? written : 'OTHER', path: generalise(path) }, nowMs),
    use: (operation, nowMs) => {
      if (!operation.deprecated) return;
      const sunset = operation.sunset === undefined ? {} : { sunset: operation.sunset };
      count({ kind: 'zombie', method: operation.method, path: operation.template, ...sunset }, nowMs);
    },
    findings: () => ({
      endpoints: [...uses.values()].map((use) => ({ ...use })).sort((a, b) => b.count - a.count),
      overflow,
    }),
    clear: () => {
      uses.clear();
      overflow = 0;
    },
  };
}

/** `path` with what looks like an id left out, so that one endpoint is one entry. */
function generalise(path: string): string {
  return path
    .slice(0, longestPath)
    .split('/')
    .map((segment) => (looksLikeId(segment) ? '{}' : segment))
    .join('/');
}

/** Numbers, UUIDs, hashes and tokens: much of it digits, or long. */
function looksLikeId(segment: string): boolean {
  if (segment.length > 40) return true;
  const digits = segment.replace(/[^0-9]/g, '').length;
  return digits > 0 && (digits * 2 >= segment.length || segment.length >= 16);
}
