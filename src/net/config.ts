import { z } from 'zod';

const count = z.int().positive();

/** Bounds on what a client may ask of a listener. Times in milliseconds, sizes in bytes. */
export const httpLimitsSchema = z.strictObject({
  headerBytes: count.default(16_384).describe('request line and header fields together'),
  headerCount: count.default(100).describe('header field lines'),
  targetBytes: count.default(8192).describe('request target'),
  trailerBytes: count.default(4096).describe('trailer fields of a chunked body'),
  tlsHandshakeMs: count.default(10_000).describe('from the connection to the end of the TLS handshake'),
  headerTimeMs: count.default(10_000).describe('from the first byte of a head (or the connection) to its last'),
  bodyIdleMs: count.default(30_000).describe('without any byte of a body that is wanted'),
  bodyMinBytesPerSecond: z
    .int()
    .nonnegative()
    .default(128)
    .describe('a body that is wanted must come at this rate on average, after a grace of 10 s'),
  writeIdleMs: count.default(60_000).describe('without the client taking any byte of a reply that waits'),
  idleTimeMs: count.default(65_000).describe('between two requests of a connection'),
  connections: count.default(16_384).describe('connections in all'),
  connectionsPerIp: count.default(1024).describe('connections of one address; an IPv6 /64 counts as one'),
  streams: count.default(100).describe('requests at a time of one HTTP/2 connection'),
  requestsPerConnection: count.default(100_000).describe('requests before a connection is closed'),
});

export type HttpLimits = z.infer<typeof httpLimitsSchema>;

export const defaultHttpLimits: HttpLimits = httpLimitsSchema.parse({});

/** Bounds and times of an upstream. Times in milliseconds, sizes in bytes. */
export const upstreamLimitsSchema = z.strictObject({
  connections: count.default(256).describe('connections to one endpoint'),
  pending: count.default(1024).describe('requests that wait for a connection; more are refused'),
  idleConnections: count.default(64).describe('idle connections kept to one endpoint'),
  idleTimeMs: count.default(30_000).describe('an idle connection is kept so long'),
  connectMs: count.default(3000).describe('TCP connect and TLS handshake'),
  firstByteMs: count.default(30_000).describe('from the end of the request to the head of the response'),
  bodyIdleMs: count.default(60_000).describe('without any byte of a response body'),
  tunnelIdleMs: count.default(600_000).describe('an upgraded connection without any byte in either direction'),
  totalMs: z.int().nonnegative().default(0).describe('the whole exchange; 0: no bound'),
  headerBytes: count.default(32_768).describe('status line and header fields of a response'),
  headerCount: count.default(200).describe('header field lines of a response'),
  trailerBytes: count.default(4096).describe('trailer fields of a response'),
  retryRatio: z.number().min(0).max(1).default(0.2).describe('retries allowed per request, on average'),
  retryAttempts: z.int().nonnegative().default(2).describe('retries of one request'),
  ejectAfter: z.int().nonnegative().default(5).describe('consecutive failures that eject an endpoint; 0: never'),
  ejectMs: count.default(10_000).describe('first ejection; doubles each time, up to 16 fold'),
  ejectMaxRatio: z.number().min(0).max(1).default(0.5).describe('share of the endpoints that may be ejected at once'),
});

export type UpstreamLimits = z.infer<typeof upstreamLimitsSchema>;

export const defaultUpstreamLimits: UpstreamLimits = upstreamLimitsSchema.parse({});
