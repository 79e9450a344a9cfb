import type { Socket } from 'node:net';
import { MerlonError } from '../core/errors.ts';

const newline = 0x0a;

/** A message may be as long as the largest snapshot: the OpenAPI documents of all services. */
export const maxLineBytes = 64 * 1024 * 1024;

/**
 * Splits what arrives on `socket` into lines and gives each as a JSON value. A line that is too long, or that is
 * no JSON, goes to `onError`, after which the socket is destroyed.
 */
export function readLines(
  socket: Socket,
  onValue: (value: unknown) => void,
  onError: (error: MerlonError) => void,
  maxBytes = maxLineBytes,
): void {
  let parts: Buffer[] = [];
  let length = 0;
  const fail = (code: string, message: string): void => {
    socket.destroy();
    onError(new MerlonError({ code, message }));
  };
  const finish = (tail: Buffer): boolean => {
    const line = parts.length === 0 ? tail : Buffer.concat([...parts, tail]);
    parts = [];
    length = 0;
    try {
      onValue(JSON.parse(line.toString('utf8')));
      return true;
    } catch (error) {
      if (error instanceof MerlonError) fail(error.code, error.message);
      else fail('channel.malformed', 'a message on the control channel is not valid');
      return false;
    }
  };
  socket.on('data', (chunk: Buffer) => {
    let from = 0;
    for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, from)) {
      if (!finish(chunk.subarray(from, at))) return;
      from = at + 1;
    }
    if (from === chunk.length) return;
    parts.push(chunk.subarray(from));
    length += chunk.length - from;
    if (length > maxBytes) fail('channel.too-long', 'a message on the control channel is too long');
  });
}

/** Writes `value` as one line. */
export function writeLine(socket: Socket, value: unknown): void {
  if (!socket.destroyed) socket.write(`${JSON.stringify(value)}\n`);
}
