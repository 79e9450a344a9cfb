import type { Duplex } from 'node:stream';

/** Above this, pieces are handed to the system one by one; below, they are joined into one write. */
const joinBytes = 16_384;

/** What waits in the socket before a writer is asked to hold on. */
export const highWaterBytes = 65_536;

/**
 * The writing side of a connection. Small pieces that are written in one turn leave in one write: a head, its content and the last chunk
 * cost one system call instead of three. Whoever ends a message calls `flush`; otherwise the end of the turn does.
 */
export class Output {
  readonly #socket: Duplex;
  readonly #parts: (string | Buffer)[] = [];
  #bytes = 0;
  #isScheduled = false;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  /** Whether a writer should wait for the socket's `drain`. */
  get isFull(): boolean {
    return this.#socket.writableNeedDrain || this.#socket.writableLength + this.#bytes >= highWaterBytes;
  }

  /** Adds a piece. Strings are ISO 8859-1: heads and chunk sizes. */
  write(piece: string | Buffer): void {
    this.put(piece);
    if (this.#bytes === 0 || this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(flushLater, this);
  }

  /** As `write`, for a caller who calls `flush` itself before its turn ends. */
  put(piece: string | Buffer): void {
    if (piece.length === 0) return;
    this.#parts.push(piece);
    this.#bytes += piece.length;
    if (this.#bytes >= joinBytes) this.flush();
  }

  flush(): void {
    const parts = this.#parts;
    if (parts.length === 0) return;
    if (parts.length === 1) this.#one(parts[0] as string | Buffer);
    else if (this.#bytes < joinBytes) this.#socket.write(join(parts, this.#bytes));
    else this.#separately(parts);
    while (parts.length > 0) parts.pop();
    this.#bytes = 0;
  }

  #one(part: string | Buffer): void {
    if (typeof part === 'string') this.#socket.write(part, 'latin1');
    else this.#socket.write(part);
  }

  #separately(parts: readonly (string | Buffer)[]): void {
    this.#socket.cork();
    for (const part of parts) this.#one(part);
    this.#socket.uncork();
  }

  /** Called at the end of the turn. */
  turnEnded(): void {
    this.#isScheduled = false;
    this.flush();
  }
}

function flushLater(output: Output): void {
  output.turnEnded();
}

function join(parts: readonly (string | Buffer)[], bytes: number): Buffer {
  const joined = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const part of parts) {
    if (typeof part === 'string') at += joined.write(part, at, 'latin1');
    else at += part.copy(joined, at);
  }
  return joined;
}
