import { randomHex } from '../core/ids.ts';

/** Trace id and the field that goes to the service (W3C Trace Context, level 1). */
export interface TraceContext {
  readonly traceId: string;
  readonly traceparent: string;
}

const valid = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const noTrace = '0'.repeat(32);
const noSpan = '0'.repeat(16);

/** Continues the caller's trace where its field is valid, else begins one. The gateway's own span is always new. */
export function continueTrace(traceparent: string | undefined): TraceContext {
  const [, traceId, parent, flags = '00'] = (traceparent?.length === 55 && valid.exec(traceparent)) || [];
  if (traceId === undefined || traceId === noTrace || parent === noSpan) {
    const fresh = randomHex(16);
    return { traceId: fresh, traceparent: `00-${fresh}-${randomHex(8)}-00` };
  }
  return { traceId, traceparent: `00-${traceId}-${randomHex(8)}-${flags}` };
}
