import { Socket } from 'node:net';

/** Takes what a socket has received. The bytes are lent: what is kept of them must be copied before the call returns. */
export type TakeBytes = (bytes: Buffer) => void;

// Every plain socket is read into the same memory: the event loop reads one at a time, and whoever takes the bytes is done with
// them before the next read.
const shared = Buffer.allocUnsafeSlow(65_536);
// A window on it for each short length, made once: most reads are shorter than this, and then cost no object.
const windows: (Buffer | undefined)[] = new Array(2048).fill(undefined);
/** What one TLS record can hold. */
const recordBytes = 16_384;

function windowOf(buffer: Buffer, length: number): Buffer {
  if (buffer !== shared || length >= windows.length) return buffer.subarray(0, length);
  return (windows[length] ??= shared.subarray(0, length));
}

/**
 * Reads a socket past its stream. For a stream Node allocates 64 KiB, cuts it to what came, and passes a new Buffer through
 * `Readable`: a quarter of all that a relay's own code costs. With `onread` (documented for `net.connect`) the bytes come
 * in memory that stays. Until `take` is set, and after it is taken back, the socket is an ordinary stream.
 */
export class Intake {
  /** Who takes the bytes; undefined: the stream's `data` listeners. */
  take: TakeBytes | undefined;
  /** For the options of the socket. */
  readonly onread: { readonly buffer: Buffer; readonly callback: (length: number) => boolean };
  #socket: Socket | undefined;

  private constructor(buffer: Buffer) {
    this.onread = { buffer, callback: (length) => this.#read(buffer, length) };
  }

  static forPlain(): Intake {
    return new Intake(shared);
  }

  /** TLS may decrypt while something is written, in the middle of another socket's turn: each has memory of its own. */
  static forTls(): Intake {
    return new Intake(Buffer.allocUnsafeSlow(recordBytes));
  }

  /** The socket that reads through this one. */
  attach(socket: Socket): void {
    this.#socket = socket;
  }

  #read(buffer: Buffer, length: number): boolean {
    if (this.take === undefined) return this.#socket?.push(Buffer.from(buffer.subarray(0, length))) ?? false;
    this.take(windowOf(buffer, length));
    return true;
  }
}

/** What of Node's insides `adopt` stands on. */
interface Handled {
  _handle: { useUserBuffer?: unknown } | null;
}

/**
 * Gives an accepted `socket` an intake. A server makes its sockets without `onread`, so another is made around the same
 * handle, and the first is left empty. Where a Node has no such handle the socket stays what it is: slower, and as correct.
 */
export function adopt(socket: Socket): { readonly socket: Socket; readonly intake: Intake | undefined } {
  const handle = (socket as unknown as Handled)._handle;
  if (typeof handle?.useUserBuffer !== 'function') return { socket, intake: undefined };
  const intake = Intake.forPlain();
  const options = { handle, onread: intake.onread, allowHalfOpen: socket.allowHalfOpen };
  const adopted = new Socket(options as unknown as ConstructorParameters<typeof Socket>[0]);
  intake.attach(adopted);
  (socket as unknown as Handled)._handle = null;
  // It tells the server that it is gone: who waits for connections to end counts the adopted ones.
  socket.destroy();
  return { socket: adopted, intake };
}
