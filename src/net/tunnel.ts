import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '../core/clock.ts';

/** A socket that was given away, with what was read from it too far. */
export interface TunnelEnd {
  readonly socket: Duplex;
  readonly held: Buffer | undefined;
  /** Told of the bytes of each piece that comes or goes there. */
  readonly passed?: (bytes: number) => void;
}

/** Joins two sockets until both have ended, one breaks, or nothing passes for `tunnelIdleMs`. `onEnd` is called once. */
export function joinSockets(
  near: TunnelEnd,
  far: TunnelEnd,
  { clock, tunnelIdleMs }: { readonly clock: Clock; readonly tunnelIdleMs: number },
  onEnd: () => void,
): void {
  let passed = 0;
  let seen = 0;
  const count = (bytes: number): void => {
    passed += bytes;
    near.passed?.(bytes);
  };
  const timer: Timer = clock.every(tunnelIdleMs, () => {
    if (passed === seen) close();
    seen = passed;
  });
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    timer.cancel();
    letGo(near.socket, clock, tunnelIdleMs);
    letGo(far.socket, clock, tunnelIdleMs);
    onEnd();
  };
  copy(near, far.socket, count, close);
  copy(far, near.socket, count, close);
}

/** What one side said last may still be on its way out when that side has gone. */
function letGo(socket: Duplex, clock: Clock, withinMs: number): void {
  if (socket.destroyed || socket.writableLength === 0) {
    socket.destroy();
    return;
  }
  const timer = clock.after(withinMs, () => socket.destroy());
  socket.once('close', () => timer.cancel());
  socket.end(() => socket.destroy());
}

function copy({ socket: from, held }: TunnelEnd, to: Duplex, count: (bytes: number) => void, close: () => void): void {
  const pass = (chunk: Buffer): void => {
    count(chunk.length);
    if (!to.write(chunk)) from.pause();
  };
  from.on('data', pass);
  to.on('drain', () => from.resume());
  from.on('end', () => to.end());
  from.on('close', close);
  from.on('error', close);
  if (held !== undefined && held.length > 0) pass(held);
  from.resume();
}
