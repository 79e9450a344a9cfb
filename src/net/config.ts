/** Bounds on what a client may ask of a listener. Times in milliseconds, sizes in bytes. */
export interface HttpLimits {
  /** Request line and header fields together. */
  readonly headerBytes: number;
  /** Header field lines. */
  readonly headerCount: number;
  /** Request target. */
  readonly targetBytes: number;
  /** Trailer fields of a chunked body. */
  readonly trailerBytes: number;
  /** From the connection to the end of the TLS handshake. */
  readonly tlsHandshakeMs: number;
  /** From the first byte of a head (or the connection) to its last. */
  readonly headerTimeMs: number;
  /** Without any byte of a body that is wanted. */
  readonly bodyIdleMs: number;
  /** A body that is wanted must come at this rate on average, after a grace of 10 s. */
  readonly bodyMinBytesPerSecond: number;
  /** Without the client taking any byte of a reply that waits. */
  readonly writeIdleMs: number;
  /** Between two requests of a connection. */
  readonly idleTimeMs: number;
  /** Connections in all. */
  readonly connections: number;
  /** Connections of one address; an IPv6 /64 counts as one. */
  readonly connectionsPerIp: number;
  /** Requests at a time of one HTTP/2 connection. */
  readonly streams: number;
  /** Requests before a connection is closed. */
  readonly requestsPerConnection: number;
  /** How many streams of an HTTP/2 connection may end by a reset at once, and per second. */
  readonly streamResetBurst: number;
  readonly streamResetsPerSecond: number;
  /** Frames of an HTTP/2 connection, in all, that break a rule of their stream or carry nothing where there should be content. */
  readonly invalidFrames: number;
  /** What an HTTP/2 connection may send besides the fields and content of requests: pings, settings, priorities, empty frames. */
  readonly overheadBytesPerSecond: number;
  /** Content of all streams of an HTTP/2 connection together that is taken in before somebody reads it. */
  readonly connectionWindowBytes: number;
}

export const defaultHttpLimits: HttpLimits = {
  headerBytes: 16_384,
  headerCount: 100,
  targetBytes: 8192,
  trailerBytes: 4096,
  tlsHandshakeMs: 10_000,
  headerTimeMs: 10_000,
  bodyIdleMs: 30_000,
  bodyMinBytesPerSecond: 128,
  writeIdleMs: 60_000,
  idleTimeMs: 65_000,
  connections: 16_384,
  connectionsPerIp: 1024,
  streams: 100,
  requestsPerConnection: 100_000,
  streamResetBurst: 200,
  streamResetsPerSecond: 50,
  invalidFrames: 100,
  overheadBytesPerSecond: 262_144,
  connectionWindowBytes: 65_535,
};

/** Bounds and times of an upstream. Times in milliseconds, sizes in bytes. */
export interface UpstreamLimits {
  /** Connections to one endpoint. */
  readonly connections: number;
  /** Exchanges at a time with one endpoint that speaks HTTP/2. */
  readonly streams: number;
  /** Exchanges at a time on one connection of HTTP/2; the endpoint may set a lower bound. */
  readonly streamsPerConnection: number;
  /** An HTTP/2 connection with exchanges on which nothing has come for so long is asked whether it lives; it then has `connectMs`. */
  readonly pingMs: number;
  /** Requests that wait for a connection; more are refused. */
  readonly pending: number;
  /** Idle connections kept to one endpoint. Fewer than `connections`: a load between the two would make and end connections all the time. */
  readonly idleConnections: number;
  /** An idle connection is kept so long. */
  readonly idleTimeMs: number;
  /** TCP connect and TLS handshake. */
  readonly connectMs: number;
  /**
   * Content of a request that must be there, or all of it, before the request gets a connection: who sends slowly holds none. 0: none,
   * for callers who are trusted to go on. Not with gRPC, where both sides talk at once.
   */
  readonly gatherBytes: number;
  /** From the end of the request to the head of the response. */
  readonly firstByteMs: number;
  /** Without any byte of a response body. */
  readonly bodyIdleMs: number;
  /** An upgraded connection without any byte in either direction. */
  readonly tunnelIdleMs: number;
  /** The whole exchange; 0: no bound. */
  readonly totalMs: number;
  /** Status line and header fields of a response. */
  readonly headerBytes: number;
  /** Header field lines of a response. */
  readonly headerCount: number;
  /** Trailer fields of a response. */
  readonly trailerBytes: number;
  /** Retries allowed per request, on average. */
  readonly retryRatio: number;
  /** Retries of one request. */
  readonly retryAttempts: number;
  /** Consecutive failures that eject an endpoint; 0: never. */
  readonly ejectAfter: number;
  /** First ejection; doubles each time, up to 16 fold. */
  readonly ejectMs: number;
  /** Share of the endpoints that may be ejected at once. */
  readonly ejectMaxRatio: number;
}

export const defaultUpstreamLimits: UpstreamLimits = {
  connections: 256,
  streams: 1000,
  streamsPerConnection: 100,
  // Servers of gRPC take more than one ping in five minutes for an attack.
  pingMs: 330_000,
  pending: 1024,
  idleConnections: 256,
  idleTimeMs: 30_000,
  connectMs: 3000,
  gatherBytes: 0,
  firstByteMs: 30_000,
  bodyIdleMs: 60_000,
  tunnelIdleMs: 600_000,
  totalMs: 0,
  headerBytes: 32_768,
  headerCount: 200,
  trailerBytes: 4096,
  retryRatio: 0.2,
  retryAttempts: 2,
  ejectAfter: 5,
  ejectMs: 10_000,
  ejectMaxRatio: 0.5,
};
