import type { Socket } from 'node:net';
import type { Clock, Timer } from '../core/clock.ts';
import type { HttpLimits } from './config.ts';
import type { TrackedConnection } from './connection-host.ts';
import { subscriberOf } from './ip-address.ts';
import { defaultTurnBounds } from './server-options.ts';

const longestSweepMs = 1000;
const shortestSweepMs = 20;
/** The connections of a server: how many each address has, and the sweep that holds all of them to their time bounds. */
export class ConnectionTable {
  #limits: HttpLimits;
  readonly #clock: Clock;
  readonly #endingsPerTurn: number;
  /** With the subscriber each is counted to; '' where to none. */
  readonly #sockets = new Map<Socket, string>();
  /** One for all sockets: they are many, and most of them rest. */
  readonly #onClose: (this: Socket) => void;
  readonly #connections = new Set<TrackedConnection>();
  readonly #perSubscriber = new Map<string, number>();
  #sweepMs: number;
  #sweep: Timer | undefined;
  /** Those that the sweep under way has not come to. */
  #unswept: Iterator<TrackedConnection> | undefined;
  readonly #whenEmpty: (() => void)[] = [];

  /** `endingsPerTurn`: connections that a sweep ends in one turn of the event loop. */
  constructor(limits: HttpLimits, clock: Clock, endingsPerTurn = defaultTurnBounds.endings) {
    this.#endingsPerTurn = endingsPerTurn;
    this.#limits = limits;
    this.#clock = clock;
    this.#sweepMs = sweepOf(limits);
    const forget = (socket: Socket): void => this.#forget(socket);
    this.#onClose = function () {
      forget(this);
    };
  }

  /** Other bounds, for the connections to come. */
  configure(limits: HttpLimits): void {
    this.#limits = limits;
    this.#sweepMs = sweepOf(limits);
    if (this.#sweep === undefined) return;
    this.#sweep.cancel();
    this.#sweep = this.#clock.every(this.#sweepMs, () => this.#sweepAll());
  }

  /** Counts a new socket in, until it closes. False where there are too many. */
  admit(socket: Socket): boolean {
    if (this.#sockets.size >= this.#limits.connections) return false;
    this.#sockets.set(socket, '');
    socket.on('close', this.#onClose);
    this.#sweep ??= this.#clock.every(this.#sweepMs, () => this.#sweepAll());
    return true;
  }

  /** Counts a socket that was admitted to `address`, until it closes. False where that has too many. Unix sockets have no address, and no bound. */
  admitFrom(socket: Socket, address: string): boolean {
    if (address === '') return true;
    const subscriber = subscriberOf(address);
    const count = (this.#perSubscriber.get(subscriber) ?? 0) + 1;
    if (count > this.#limits.connectionsPerIp) return false;
    this.#perSubscriber.set(subscriber, count);
    this.#sockets.set(socket, subscriber);
    return true;
  }

  add(connection: TrackedConnection): void {
    this.#connections.add(connection);
  }

  remove(connection: TrackedConnection): void {
    this.#connections.delete(connection);
  }

  /** Closes what is idle. */
  drain(): void {
    for (const connection of this.#connections) connection.drain();
  }

  /** Resolves when no socket is left. */
  whenEmpty(): Promise<void> {
    if (this.#sockets.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEmpty.push(resolve);
    });
  }

  /** Cuts every connection. */
  destroy(): void {
    for (const socket of this.#sockets.keys()) socket.destroy();
  }

  #release(subscriber: string): void {
    if (subscriber === '') return;
    const count = (this.#perSubscriber.get(subscriber) ?? 1) - 1;
    if (count === 0) this.#perSubscriber.delete(subscriber);
    else this.#perSubscriber.set(subscriber, count);
  }

  #forget(socket: Socket): void {
    this.#release(this.#sockets.get(socket) ?? '');
    this.#sockets.delete(socket);
    if (this.#sockets.size > 0) return;
    this.#sweep?.cancel();
    this.#sweep = undefined;
    for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }

  #sweepAll(): void {
    if (this.#unswept !== undefined) return;
    this.#unswept = this.#connections.values();
    this.#sweepOn(this.#unswept);
  }

  #sweepOn(unswept: Iterator<TrackedConnection>): void {
    const now = this.#clock.monotonic();
    let endings = 0;
    for (let next = unswept.next(); !next.done; next = unswept.next()) {
      if (!next.value.sweep(now) || ++endings < this.#endingsPerTurn) continue;
      setImmediate(() => this.#sweepOn(unswept));
      return;
    }
    this.#unswept = undefined;
  }
}

function sweepOf({ headerTimeMs, bodyIdleMs, writeIdleMs, idleTimeMs }: HttpLimits): number {
  const shortest = Math.min(headerTimeMs, bodyIdleMs, writeIdleMs, idleTimeMs) / 4;
  return Math.min(longestSweepMs, Math.max(shortestSweepMs, shortest));
}
