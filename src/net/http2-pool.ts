import { messageOf } from '../core/errors.ts';
import { EndpointPool, type Lessee, type PoolHost } from './endpoint-pool.ts';
import { NetError } from './errors.ts';
import type { Endpoint } from './upstream-options.ts';
import { type SessionOwner, UpstreamSession } from './upstream-session.ts';

/** The HTTP/2 connections to one endpoint: each carries many exchanges; another is made where all are full. */
export class Http2Pool extends EndpointPool implements SessionOwner {
  readonly protocol;
  readonly #host: PoolHost;
  readonly #sessions = new Set<UpstreamSession>();
  /** Who waits for a session to stand. */
  readonly #lessees = new Map<Lessee, UpstreamSession>();
  #isDraining = false;

  constructor(endpoint: Endpoint, host: PoolHost) {
    super(endpoint, host);
    this.#host = host;
    this.protocol = host.protocol;
  }

  override get hasRoom(): boolean {
    if (this.active >= this.limits.streams) return false;
    return this.#sessions.size < this.limits.connections || this.#pick() !== undefined;
  }

  override get isEmpty(): boolean {
    return this.#sessions.size === 0;
  }

  override get idleCount(): number {
    let idle = 0;
    for (const session of this.#sessions) if (session.isOpen && session.load === 0) idle++;
    return idle;
  }

  override lease(lessee: Lessee): void {
    this.active++;
    const session = this.#pick() ?? this.#open(lessee);
    if (session === undefined) return;
    if (session.isOpen) {
      lessee.ready(session.openStream(), this);
      return;
    }
    session.reserved++;
    this.#lessees.set(lessee, session);
  }

  override abandon(lessee: Lessee): void {
    const session = this.#lessees.get(lessee);
    if (session === undefined) return;
    this.#lessees.delete(lessee);
    session.reserved--;
    this.active--;
    this.#host.released();
  }

  override forget(): void {
    // A stream is never detached.
  }

  opened(session: UpstreamSession): void {
    const waiting = this.#waitingFor(session);
    session.reserved -= waiting.length;
    for (const lessee of waiting) {
      if (session.hasRoom) lessee.ready(session.openStream(), this);
      else {
        // The endpoint allows fewer streams than were hoped for.
        this.active--;
        this.lease(lessee);
      }
    }
    this.#host.released();
  }

  streamClosed(): void {
    this.active--;
    this.#host.released();
  }

  sessionClosed(session: UpstreamSession, error: NetError): void {
    this.#sessions.delete(session);
    for (const lessee of this.#waitingFor(session)) {
      this.active--;
      lessee.unreachable(error, this);
    }
    this.#host.released();
  }

  override sweep(nowMs: number): void {
    for (const session of this.#sessions) session.sweep(nowMs);
  }

  override drain(): void {
    this.#isDraining = true;
    for (const session of this.#sessions) session.drain();
  }

  override destroy(): void {
    this.#isDraining = true;
    for (const session of this.#sessions) session.abort();
  }

  /** The least loaded session with room. */
  #pick(): UpstreamSession | undefined {
    let best: UpstreamSession | undefined;
    for (const session of this.#sessions)
      if (session.hasRoom && (best === undefined || session.load < best.load)) best = session;
    return best;
  }

  #open(lessee: Lessee): UpstreamSession | undefined {
    try {
      const session = new UpstreamSession(this, this.endpoint, this.#host.tls);
      this.#sessions.add(session);
      if (this.#isDraining) session.closesWhenIdle = true;
      return session;
    } catch (error) {
      this.active--;
      const detail = messageOf(error);
      lessee.unreachable(new NetError('net.upstream-tls', 502, 'no trusted connection to the service', detail), this);
      return undefined;
    }
  }

  #waitingFor(session: UpstreamSession): Lessee[] {
    const waiting: Lessee[] = [];
    for (const [lessee, waitsFor] of this.#lessees) if (waitsFor === session) waiting.push(lessee);
    for (const lessee of waiting) this.#lessees.delete(lessee);
    return waiting;
  }
}
