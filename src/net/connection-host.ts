import type { Clock } from '../core/clock.ts';
import type { HttpLimits } from './config.ts';
import type { NetError } from './errors.ts';
import type { Reply, ServerRequest } from './message.ts';
import type { RefusalContent, RefusedRequest } from './refusal.ts';
import type { PeerInfo } from './request.ts';

/** What a connection needs of its server. */
export interface ConnectionHost {
  readonly clock: Clock;
  readonly limits: HttpLimits;
  /** Whether no further request of any connection is wanted. */
  readonly isDraining: boolean;
  /** Answers a request; never throws. */
  handle(request: ServerRequest, reply: Reply): void;
  /** Tells of a refusal and gives the reply to it. */
  refuse(error: NetError, peer: PeerInfo, request: RefusedRequest): RefusalContent;
  /** A callback failed. */
  report(error: unknown): void;
  requestStarted(): void;
  requestEnded(): void;
  closed(connection: TrackedConnection): void;
}

/** A connection as the server keeps it. */
export interface TrackedConnection {
  /** No further request: closes where nothing is under way. */
  drain(): void;
  /** Looks at every time bound. Called each so often. Whether it ended the connection. */
  sweep(nowMs: number): boolean;
}
