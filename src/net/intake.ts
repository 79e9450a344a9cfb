import { Socket } from 'node:net';

/** Takes what a socket has received. The bytes are lent: what is kept of them must be copied before the call returns. */
export type TakeBytes = (bytes: Buffer) => void;

// All sockets are read into the same memory: whoever takes the bytes is done with them before anything else is read. Plain sockets are
// read by the event loop alone. TLS decrypts into memory of its own, in the turn in which its socket is read.
const shared = Buffer.allocUnsafeSlow(65_536);
// A window on it for each short length, made once: most reads are shorter than this, and then cost no object.
const windows: (Buffer | undefined)[] = new Array(2048).fill(undefined);
let isTaken = false;

function windowOf(length: number): Buffer {
  if (length >= windows.length) return shared.subarray(0, length);
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
  readonly onread = { buffer: shared, callback: (length: number): boolean => this.#read(length) };
  #socket: Socket | undefined;

  /** The socket that reads through this one. */
  attach(socket: Socket): void {
    this.#socket = socket;
  }

  #read(length: number): boolean {
    const { take } = this;
    if (take === undefined) return this.#socket?.push(Buffer.from(shared.subarray(0, length))) ?? false;
    // One socket's bytes would be taken for another's. It cannot be; and if ever it were, nothing may come of it.
    if (isTaken) process.abort();
    isTaken = true;
    take(windowOf(length));
    isTaken = false;
    return true;
  }
}

// Where a socket keeps what `onread` gave it. A server makes its sockets without that option, so it is set here, as Node's own
// constructor would have set it.
const inside = Object.getOwnPropertySymbols(new Socket());
const symbolOf = (name: string): symbol | undefined => inside.find(({ description }) => description === name);
const bufferOf = symbolOf('kBuffer');
const callbackOf = symbolOf('kBufferCb');

interface Inside {
  readonly _handle: { useUserBuffer?: (buffer: Buffer) => void } | null;
  [member: symbol]: unknown;
}

/**
 * Gives an accepted socket an intake, before anything was read from it. Undefined where this Node is made otherwise than
 * we know it: then its stream is read, which is slower and as correct.
 */
export function takeIn(socket: Socket): Intake | undefined {
  const made = socket as unknown as Inside;
  if (bufferOf === undefined || callbackOf === undefined || made[bufferOf] !== null) return undefined;
  if (typeof made._handle?.useUserBuffer !== 'function' || socket.readableLength > 0) return undefined;
  const intake = new Intake();
  intake.attach(socket);
  made._handle.useUserBuffer(intake.onread.buffer);
  made[bufferOf] = intake.onread.buffer;
  made[callbackOf] = intake.onread.callback;
  return intake;
}
