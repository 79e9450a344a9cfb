/**
 * The HTTP engine: listeners, TLS, a strict HTTP/1.1 parser, upstream pools and the filter chain.
 * @module
 */
export { type CidrSet, compileCidrs } from './cidr.ts';
export {
  addForwarded,
  type ClientAddress,
  forwardedFields,
  isForwardedField,
  resolveClient,
  setForwarded,
} from './client-address.ts';
export {
  defaultHttpLimits,
  defaultUpstreamLimits,
  type HttpLimits,
  type UpstreamLimits,
} from './config.ts';
export { ListenError, type NetCode, NetError, netCodes } from './errors.ts';
export { compileChain, type Filter, type FilterChain, type FilterTiming } from './filter-chain.ts';
export {
  grpcFailureReply,
  grpcStatusFields,
  grpcStatusOf,
  isGrpc,
  passDeadline,
  readGrpcTimeout,
} from './grpc.ts';
export { type HeaderRecord, Headers } from './headers.ts';
export { isAddress, plainAddress, subscriberOf } from './ip-address.ts';
export type { BodySink, PeerCertificate, Reply, ReplyEnd, RequestBody, ServerRequest } from './message.ts';
export { type NormalPath, normalisePath } from './path.ts';
export { createHttpServer } from './server.ts';
export type {
  HttpServer,
  HttpServerOptions,
  ListenAddress,
  ListenerSettings,
  Refusal,
  RefusalReply,
  ServerStats,
  ServerTls,
  TlsCredentials,
} from './server-options.ts';
export { createUpstream } from './upstream.ts';
export type {
  Endpoint,
  EndpointStatus,
  FailureReply,
  FetchRequest,
  FetchResponse,
  ForwardEnd,
  Forwarding,
  HealthCheck,
  Upstream,
  UpstreamFailure,
  UpstreamOptions,
  UpstreamProtocol,
  UpstreamTls,
} from './upstream-options.ts';
