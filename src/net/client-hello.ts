import type { Socket } from 'node:net';
import type { Clock } from '../core/clock.ts';

// TLS, RFC 8446, sections 4.1.2 (ClientHello), 4.2 (extensions) and 5.1 (records); ALPN: RFC 7301, section 3.1.
const handshakeRecord = 22;
const clientHello = 1;
const alpnExtension = 16;
const recordHeaderBytes = 5;
const mostBytes = 16_384 + recordHeaderBytes;

/** The protocols that a ClientHello at the beginning of `bytes` offers by ALPN, none where it is not one. Undefined: more bytes are needed. */
export function readAlpnOffer(bytes: Buffer): readonly string[] | undefined {
  if (bytes.length > 0 && bytes[0] !== handshakeRecord) return [];
  if (bytes.length < recordHeaderBytes) return undefined;
  const end = recordHeaderBytes + bytes.readUInt16BE(3);
  if (end > mostBytes) return [];
  if (bytes.length < end) return undefined;
  try {
    return alpnOf(bytes.subarray(recordHeaderBytes, end));
  } catch (error) {
    // Reading past the end: what it says of its lengths is not so, or it goes on in another record.
    if (error instanceof RangeError) return [];
    throw error;
  }
}

function alpnOf(message: Buffer): readonly string[] {
  if (message.readUInt8(0) !== clientHello) return [];
  let at = 4 + 2 + 32; // header, version, random
  at += 1 + message.readUInt8(at); // session id
  at += 2 + message.readUInt16BE(at); // cipher suites
  at += 1 + message.readUInt8(at); // compression methods
  const end = at + 2 + message.readUInt16BE(at);
  for (at += 2; at < end; ) {
    const type = message.readUInt16BE(at);
    const length = message.readUInt16BE(at + 2);
    if (type === alpnExtension) return protocolsOf(message.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return [];
}

function protocolsOf(extension: Buffer): string[] {
  const protocols: string[] = [];
  const end = 2 + extension.readUInt16BE(0);
  for (let at = 2; at < end; ) {
    const length = extension.readUInt8(at);
    protocols.push(extension.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return protocols;
}

/** Reads what a new connection offers by ALPN and leaves all of it in the socket. `done` is called once; with nothing where the time is over. */
export function peekAlpnOffer(
  socket: Socket,
  { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number },
  done: (offer: readonly string[] | undefined) => void,
): void {
  let bytes: Buffer = Buffer.alloc(0);
  const finish = (offer: readonly string[] | undefined): void => {
    timer.cancel();
    socket.off('readable', onReadable);
    socket.off('close', onClose);
    if (bytes.length > 0) socket.unshift(bytes);
    done(offer);
  };
  const onClose = (): void => finish(undefined);
  const onReadable = (): void => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    bytes = Buffer.concat([bytes, chunk]);
    const offer = readAlpnOffer(bytes);
    if (offer !== undefined) finish(offer);
  };
  const timer = clock.after(timeoutMs, () => finish(undefined));
  socket.on('readable', onReadable);
  socket.on('close', onClose);
  // What is there already is not told of again.
  if (socket.readableLength > 0) onReadable();
}

/** Calls `done` when the first bytes of a connection are there to be read; with false where none come in time. */
export function awaitBytes(
  socket: Socket,
  { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number },
  done: (areThere: boolean) => void,
): void {
  const finish = (): void => {
    timer.cancel();
    socket.off('readable', finish);
    socket.off('close', finish);
    done(socket.readableLength > 0);
  };
  const timer = clock.after(timeoutMs, finish);
  socket.on('readable', finish);
  socket.on('close', finish);
}
