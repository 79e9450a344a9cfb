import { NetError } from './errors.ts';
import { Headers } from './headers.ts';
import type { FailureReply, UpstreamFailure } from './upstream-options.ts';

/** Status codes of gRPC (grpc/doc/statuscodes.md), as far as a proxy gives them itself. */
export const grpcStatus = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

const byHttpStatus = new Map<number, number>([
  [400, grpcStatus.invalidArgument],
  [401, grpcStatus.unauthenticated],
  [403, grpcStatus.permissionDenied],
  [404, grpcStatus.unimplemented],
  [405, grpcStatus.unimplemented],
  [408, grpcStatus.deadlineExceeded],
  [413, grpcStatus.resourceExhausted],
  [415, grpcStatus.unimplemented],
  [421, grpcStatus.unavailable],
  [429, grpcStatus.resourceExhausted],
  [431, grpcStatus.resourceExhausted],
  [499, grpcStatus.cancelled],
  [500, grpcStatus.internal],
  [502, grpcStatus.unavailable],
  [503, grpcStatus.unavailable],
  [504, grpcStatus.deadlineExceeded],
]);

/** What a refusal with an HTTP status means to a gRPC client. */
export function grpcStatusOf(httpStatus: number): number {
  return byHttpStatus.get(httpStatus) ?? grpcStatus.unknown;
}

/** Whether a message is one of gRPC: `application/grpc`, perhaps with a suffix. gRPC-Web frames its trailers differently and is none. */
export function isGrpc(headers: Headers): boolean {
  const type = headers.get('content-type');
  if (type === undefined || !type.startsWith('application/grpc')) return false;
  const next = type.charCodeAt(16);
  return Number.isNaN(next) || next === 0x2b || next === 0x3b;
}

/** Fields that tell a status: those of a Trailers-Only answer, or trailers. The message is percent-encoded (PROTOCOL-HTTP2.md, "Responses"). */
export function grpcStatusFields(status: number, message: string): Record<string, string> {
  return { 'grpc-status': String(status), 'grpc-message': encodeGrpcMessage(message) };
}

function encodeGrpcMessage(message: string): string {
  let encoded = '';
  for (const byte of Buffer.from(message, 'utf8')) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded.trim();
}

const unitsMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 0.001, n: 0.000_001 };

/** The deadline that a caller sets (`grpc-timeout`), ms from now; undefined where it sets none. Throws `net.bad-header`. */
export function readGrpcTimeout(headers: Headers): number | undefined {
  const values = headers.getAll('grpc-timeout');
  if (values.length === 0) return undefined;
  const [, digits, unit] = /^([0-9]{1,8})([HMSmun])$/.exec(values[0] as string) ?? [];
  if (values.length > 1 || digits === undefined || unit === undefined)
    throw new NetError(
      'net.bad-header',
      400,
      'the field `grpc-timeout` is not a number of at most 8 digits and a unit',
    );
  return Number(digits) * (unitsMs[unit] as number);
}

const mostDigits = 99_999_999;

/** `grpc-timeout` for `leftMs`, never more than that. Microseconds while they fit: a short deadline keeps its precision. */
export function formatGrpcTimeout(leftMs: number): string {
  const micros = Math.floor(leftMs * 1000);
  if (micros <= mostDigits) return `${Math.max(0, micros)}u`;
  const millis = Math.floor(leftMs);
  return millis <= mostDigits ? `${millis}m` : `${Math.min(mostDigits, Math.floor(leftMs / 1000))}S`;
}

/** What a gRPC caller reads where the upstream gave no answer, or broke off in the middle of one. */
export function grpcFailureReply(
  { status, message }: UpstreamFailure,
  more: Readonly<Record<string, string>> = {},
): FailureReply {
  const fields = { ...more, ...grpcStatusFields(grpcStatusOf(status), message) };
  return {
    status: 200,
    headers: { 'content-type': 'application/grpc', ...fields },
    body: '',
    trailers: Headers.from(fields),
  };
}

/** Passes on in `headers` what is left of the deadline at `deadlineAt` (monotonic ms), and gives it, ms. */
export function passDeadline(headers: Headers, deadlineAt: number | undefined, nowMs: number): number | undefined {
  if (deadlineAt === undefined) return undefined;
  const leftMs = Math.max(0, deadlineAt - nowMs);
  headers.set('grpc-timeout', formatGrpcTimeout(leftMs));
  return leftMs;
}
