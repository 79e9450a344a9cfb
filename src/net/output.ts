import type { Duplex } from 'node:stream';

/**
 * Pieces up to here are joined into one write; what is larger goes as it is. Node writes strings up to 16 KiB
 * from its stack, without a copy of its own.
 */
const joinBytes = 4096;
const mostJoined = 16_384;

/** What waits in the socket before a writer is asked to hold on. */
export const highWaterBytes = 65_536;

/**
 * The writing side of a connection. Small pieces that are written in one turn leave in one write: a head, its content and the last chunk
 * cost one system call instead of three. They are joined as text, ISO 8859-1, where adding is nearly free and a write takes one
 * call; bytes become text and text bytes without loss. Whoever ends a message calls `flushTogether`; otherwise the end of the turn sends it.
 */
export class Output {
  readonly #socket: Duplex;
  #text = '';
  #isScheduled = false;
  /** Whether it stands in `waiting`. */
  #waits = false;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  /** Whether a writer should wait for the socket's `drain`. */
  get isFull(): boolean {
    return this.#socket.writableNeedDrain || this.#socket.writableLength + this.#text.length >= highWaterBytes;
  }

  /** Adds a piece. Strings are ISO 8859-1: heads and chunk sizes. */
  write(piece: string | Buffer): void {
    this.put(piece);
    this.#schedule();
  }

  /** As `write`, for a caller who calls `flush` itself before its turn ends. */
  put(piece: string | Buffer): void {
    if (typeof piece === 'string') this.#text += piece;
    else if (piece.length <= joinBytes) this.#text += piece.toString('latin1');
    else this.#large(piece);
    if (this.#text.length >= mostJoined) this.flush();
  }

  /** As `put`, of bytes that are only lent: nothing of them is kept. */
  lend(bytes: Buffer): void {
    this.put(bytes.length <= joinBytes ? bytes : Buffer.from(bytes));
  }

  flush(): void {
    const text = this.#text;
    if (text === '') return;
    this.#text = '';
    this.#socket.write(text, 'latin1');
  }

  /** As `flush`, of a message that is complete and whose connection goes on: it leaves together with those of other connections. */
  flushTogether(): void {
    if (this.#text === '') return;
    // Only what the socket holds is followed by a `drain`: behind something that fills it nothing may wait here.
    if (this.#socket.writableLength > 0) return this.flush();
    if (this.#waits) return;
    this.#waits = true;
    waitFor(this);
  }

  /** Called when those that wait are let go. */
  release(): void {
    this.#waits = false;
    this.flush();
  }

  /** Sends what is complete, for whoever is about to destroy the socket. */
  settle(): void {
    if (this.#waits) this.flush();
  }

  /** Called at the end of the turn. */
  turnEnded(): void {
    this.#isScheduled = false;
    if (!this.#waits) this.flush();
  }

  #schedule(): void {
    if (this.#text === '' || this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(flushLater, this);
  }

  #large(piece: Buffer): void {
    if (this.#text === '') {
      this.#socket.write(piece);
      return;
    }
    this.#socket.cork();
    this.flush();
    this.#socket.write(piece);
    this.#socket.uncork();
  }
}

// A write wakes whoever sleeps at the other end, on another core, which costs more than the write itself. The service and a
// client with many connections are each one process: several writes in a row wake it once.
const mostWaiting = 16;
const waiting: Output[] = [];
let isTurnWatched = false;

function waitFor(output: Output): void {
  waiting.push(output);
  if (waiting.length >= mostWaiting) letGo();
  else if (!isTurnWatched) {
    isTurnWatched = true;
    setImmediate(endTurn);
  }
}

function endTurn(): void {
  isTurnWatched = false;
  letGo();
}

function letGo(): void {
  for (const output of waiting) output.release();
  waiting.length = 0;
}

function flushLater(output: Output): void {
  output.turnEnded();
}
