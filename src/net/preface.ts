import type { Socket } from 'node:net';
import type { Clock } from '../core/clock.ts';

/** What begins the preface of HTTP/2 (RFC 9113, section 3.4) and no request of HTTP/1.1: `PRI` was reserved so that nobody takes one for the other. */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
const telling = 'PRI * '.length;

/** Tells from its first bytes what a connection without TLS speaks; they stay in the socket. `done` hears undefined where none came in time. */
export function detectPreface(
  socket: Socket,
  { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number },
  done: (protocol: 'http/1.1' | 'h2' | undefined) => void,
): void {
  let bytes: Buffer = Buffer.alloc(0);
  const finish = (protocol: 'http/1.1' | 'h2' | undefined): void => {
    timer.cancel();
    socket.off('readable', onReadable);
    socket.off('close', onClose);
    if (bytes.length > 0 && protocol !== undefined) socket.unshift(bytes);
    done(protocol);
  };
  const onClose = (): void => finish(undefined);
  const onReadable = (): void => {
    const chunk = socket.read() as Buffer | null;
    // The end of what it sends: HTTP/1.1 knows what to do with that.
    if (chunk === null) {
      if (socket.readableEnded) finish('http/1.1');
      return;
    }
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    const start = bytes.subarray(0, telling);
    if (!start.equals(preface.subarray(0, start.length))) finish('http/1.1');
    else if (start.length === telling) finish('h2');
  };
  const timer = clock.after(timeoutMs, () => finish(undefined));
  socket.on('readable', onReadable);
  socket.on('close', onClose);
}
