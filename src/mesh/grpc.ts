import type { Denial } from '../api/record.ts';
import {
  type FailureReply,
  type Forwarding,
  grpcFailureReply,
  grpcStatusFields,
  grpcStatusOf,
  type Headers,
  type HttpLimits,
  isGrpc,
  passDeadline,
  type Reply,
  readGrpcTimeout,
  type ServerRequest,
  type UpstreamFailure,
  type UpstreamLimits,
} from '../net/index.ts';

const hourMs = 3_600_000;

/**
 * Bounds of the mesh's own HTTP/2 listeners. One connection carries the calls of everybody whom its peer serves, and the peer has proved who it is:
 * what would be a flood from a stranger is traffic here, and cutting it would cut everyone.
 */
export const meshHttp2Limits: Partial<HttpLimits> = {
  streams: 1000,
  streamResetBurst: 20_000,
  streamResetsPerSecond: 10_000,
  invalidFrames: 1_000_000,
  connectionWindowBytes: 64 * 1024 * 1024,
  overheadBytesPerSecond: 64 * 1024 * 1024,
};

/** A call that streams may be silent for long: whoever stands at its ends bounds it, by a deadline or by hanging up. */
export const meshCallLimits: Partial<UpstreamLimits> = { firstByteMs: hourMs, bodyIdleMs: hourMs };

/** Whether the caller reads a gRPC status rather than a status of HTTP. */
export function wantsGrpc({ httpVersion, headers }: ServerRequest): boolean {
  return httpVersion === '2' && isGrpc(headers);
}

/** A refusal as a gRPC client reads it. */
export function sendGrpcDenial(reply: Reply, { status, reason: { message } }: Denial): void {
  reply.send(200, { 'content-type': 'application/grpc', ...grpcStatusFields(grpcStatusOf(status), message) });
}

/** The deadline of a call, passed on in `headers` as what is left of it. One that cannot be read goes on as it is, for the service to judge. */
export function carryDeadline({ receivedAt }: ServerRequest, headers: Headers, nowMs: number): number | undefined {
  let timeoutMs: number | undefined;
  try {
    timeoutMs = readGrpcTimeout(headers);
  } catch {
    return undefined;
  }
  return passDeadline(headers, timeoutMs === undefined ? undefined : receivedAt + timeoutMs, nowMs);
}

/** What a gRPC call needs when it is forwarded. */
export function grpcForwarding(request: ServerRequest, headers: Headers, nowMs: number): Forwarding {
  return {
    headers,
    deadlineMs: carryDeadline(request, headers, nowMs),
    onFailure: (failure: UpstreamFailure): FailureReply => grpcFailureReply(failure),
  };
}
