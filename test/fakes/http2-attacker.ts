// A client of HTTP/2 that sends whatever frames a test wants, by prior knowledge, and follows no rule on the way.
import { connect, type Socket } from 'node:net';
import { encodeFields, type Http2Field } from '../../src/prove/wire/http2.ts';

export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
  unknown: 0xf0,
} as const;

export const flags = { none: 0, endStream: 1, ack: 1, endHeaders: 4 } as const;

/** One frame (RFC 9113, section 4.1). */
export function frame(
  type: keyof typeof frameTypes,
  flag: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(frameTypes[type], 3);
  head.writeUInt8(flag, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A number of 32 bits. */
export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

const ordinary: readonly Http2Field[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'victim'],
  [':path', '/'],
];

/** HEADERS of a GET, or of a POST whose body is to come. */
export function headers(stream: number, { endStream = true, fields = [] as readonly Http2Field[] } = {}): Buffer {
  const method: Http2Field = [':method', endStream ? 'GET' : 'POST'];
  const block = encodeFields([method, ...ordinary.slice(1), ...fields]);
  return frame('headers', flags.endHeaders | (endStream ? flags.endStream : 0), stream, block);
}

/** A connection of an attacker, and what came back. */
export class Http2Attacker {
  readonly socket: Socket;
  isClosed = false;
  /** Error code of GOAWAY. */
  goAway: number | undefined;
  /** Frames by type. */
  readonly got = new Map<number, number>();
  /** Error codes of RST_STREAM. */
  readonly resets: number[] = [];
  #held: Buffer = Buffer.alloc(0);

  constructor(port: number, settings: Buffer = Buffer.alloc(0)) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.isClosed = true;
    });
    this.socket.on('data', (chunk: Buffer) => this.#read(chunk));
    this.socket.write(Buffer.concat([preface, frame('settings', 0, 0, settings)]));
  }

  count(type: keyof typeof frameTypes): number {
    return this.got.get(frameTypes[type]) ?? 0;
  }

  /** Sends; resolves when the system has taken it, or the connection is gone. */
  send(bytes: Buffer): Promise<void> {
    if (this.socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      this.socket.write(bytes, () => resolve());
    });
  }

  /** Sends `bytes` `times` times, with pauses in which the server may defend itself. */
  async flood(bytes: Buffer, times: number, pauseMs = 1): Promise<void> {
    for (let turn = 0; turn < times && !this.isClosed; turn++) {
      await this.send(bytes);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  destroy(): void {
    this.socket.destroy();
  }

  #read(chunk: Buffer): void {
    let rest = Buffer.concat([this.#held, chunk]);
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const length = rest.readUIntBE(0, 3);
      const type = rest.readUInt8(3);
      this.got.set(type, (this.got.get(type) ?? 0) + 1);
      if (type === frameTypes.goAway) this.goAway = rest.readUInt32BE(13);
      if (type === frameTypes.reset) this.resets.push(rest.readUInt32BE(9));
      if (type === frameTypes.settings && (rest.readUInt8(4) & flags.ack) === 0)
        this.socket.write(frame('settings', flags.ack, 0));
      rest = rest.subarray(9 + length);
    }
    this.#held = rest;
  }
}
