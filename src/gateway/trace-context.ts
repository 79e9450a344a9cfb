import { randomHex } from '../core/ids.ts';

/** Trace id and the field that goes to the service (W3C Trace Context, level 1). */
export interface TraceContext {
  readonly traceId: string;
  readonly traceparent: string;
  /** Whether it is the caller's trace; where not, `tracestate` belongs to none. */
  readonly isContinued: boolean;
}

const valid = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
const noTrace = '0'.repeat(32);
const noSpan = '0'.repeat(16);
// Far more than any version of the field needs.
const longest = 512;

/**
 * Continues the caller's trace where there is one valid field, else begins one. The gateway's own span is always new. Of a
 * later version than ours, what ours knows is read (section 4.3).
 */
export function continueTrace(traceparents: readonly string[]): TraceContext {
  const [field] = traceparents;
  const found = field === undefined || traceparents.length > 1 || field.length > longest ? null : valid.exec(field);
  const [, version, traceId, parent, flags] = found ?? [];
  const isOurs = version === '00' ? field?.length === 55 : version !== 'ff';
  if (traceId === undefined || !isOurs || traceId === noTrace || parent === noSpan) {
    const fresh = randomHex(24);
    const own = fresh.slice(0, 32);
    return { traceId: own, traceparent: `00-${own}-${fresh.slice(32)}-00`, isContinued: false };
  }
  return { traceId, traceparent: `00-${traceId}-${randomHex(8)}-${flags}`, isContinued: true };
}
