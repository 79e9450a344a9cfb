import type { Duplex } from 'node:stream';
import type { HeaderRecord, Headers } from './headers.ts';
import type { Reply, ReplyEnd } from './message.ts';
import { highWaterBytes, type Output } from './output.ts';
import {
  formatDate,
  formatFields,
  formatHead,
  formatLength,
  formatTrailers,
  hasContent,
  statusLine,
  toHeaders,
} from './serialise.ts';

/** What a reply needs of the connection that it leaves by. */
export interface ReplyConnection {
  readonly output: Output;
  /** Epoch milliseconds. */
  now(): number;
  /** Asked once, when a head is written: whether the connection ends after this reply. */
  mustClose(): boolean;
  /** The reply is complete; `endsConnection` where only the end of the connection tells so. */
  replyEnded(endsConnection: boolean): void;
  /** Ends the connection at once; `mustShow`: by a reset, where its end alone would look like the end of the content. */
  cut(mustShow: boolean): void;
  /** A listener failed. */
  report(error: unknown): void;
  /** Gives the socket away, with what was read beyond the request. */
  detach(): { readonly socket: Duplex; readonly held: Buffer | undefined };
}

const noContent = 0;
const byLength = 1;
const byChunks = 2;
const byClose = 3;

/** A reply of HTTP/1.1 (or 1.0). */
export class OutgoingReply implements Reply {
  status = 0;
  bytes = 0;
  closed = false;
  onDrain: (() => void) | undefined;
  /** Whether who writes calls `flush` at the end of each turn, so that nothing needs to be scheduled for it. */
  flushesItself = false;
  readonly #connection: ReplyConnection;
  readonly #method: string;
  readonly #version: '1.0' | '1.1';
  #mode = noContent;
  #length = 0;
  /** What is left of a large content that `send` was given whole. */
  #rest: Buffer | undefined;
  #isEnded = false;
  #sentListeners: ((status: number) => void)[] | undefined;
  #closedListeners: ((end: ReplyEnd) => void)[] | undefined;

  constructor(connection: ReplyConnection, method: string, version: '1.0' | '1.1') {
    this.#connection = connection;
    this.#method = method;
    this.#version = version;
  }

  get sent(): boolean {
    return this.status !== 0;
  }

  send(status: number, headers?: Headers | HeaderRecord, body?: string | Buffer): void {
    if (this.sent || this.closed) return;
    const content = typeof body === 'string' ? Buffer.from(body) : body;
    this.flushesItself = true;
    this.#head(status, toHeaders(headers), content?.length ?? 0);
    if (content === undefined || this.#mode === noContent) {
      this.#finish();
      return;
    }
    if (content.length > highWaterBytes) {
      this.#rest = content;
      this.#pump();
      return;
    }
    this.bytes = content.length;
    this.#connection.output.put(content);
    this.#finish();
  }

  interim(status: number, headers: Headers | HeaderRecord): void {
    if (this.sent || this.closed || this.#version === '1.0' || status < 102 || status > 199) return;
    this.#connection.output.write(`${statusLine(status)}${formatFields(toHeaders(headers))}\r\n`);
  }

  start(status: number, headers: Headers | HeaderRecord, length?: number): void {
    if (this.sent || this.closed) return;
    this.#head(status, toHeaders(headers), length);
  }

  write(chunk: Buffer | string): boolean {
    return this.#content(typeof chunk === 'string' ? Buffer.from(chunk) : chunk, false);
  }

  /** As `write`, of bytes that are only lent: nothing of them is kept. */
  lend(chunk: Buffer): boolean {
    return this.#content(chunk, true);
  }

  #content(content: Buffer, isLent: boolean): boolean {
    if (this.closed || this.#isEnded || this.#mode === noContent || content.length === 0) return true;
    this.bytes += content.length;
    if (this.#mode === byLength && this.bytes > this.#length) {
      this.abort();
      return true;
    }
    const { output } = this.#connection;
    if (this.#mode === byChunks) output.put(`${content.length.toString(16)}\r\n`);
    if (isLent) output.lend(content);
    else output.put(content);
    this.#write(this.#mode === byChunks ? '\r\n' : '');
    return !output.isFull;
  }

  end(chunk?: Buffer | string, trailers?: Headers): void {
    if (this.closed || this.#isEnded) return;
    if (chunk !== undefined) this.write(chunk);
    if (this.closed) return;
    if (this.#mode === byLength && this.bytes < this.#length) {
      this.abort();
      return;
    }
    if (this.#mode === byChunks) this.#write(`0\r\n${formatTrailers(trailers)}\r\n`);
    this.#finish();
  }

  abort(): void {
    if (!this.closed) this.#connection.cut(this.#mode === byClose);
  }

  onSent(listener: (status: number) => void): void {
    if (this.sent) listener(this.status);
    else (this.#sentListeners ??= []).push(listener);
  }

  onClosed(listener: (end: ReplyEnd) => void): void {
    if (this.closed) listener({ status: this.status, bytes: this.bytes, aborted: !this.#isEnded });
    else (this.#closedListeners ??= []).push(listener);
  }

  /** Answers 101 and gives the socket away: from now on it carries another protocol. Undefined where it is too late. */
  upgrade(
    headers: Headers,
    protocol: string,
  ): { readonly socket: Duplex; readonly held: Buffer | undefined } | undefined {
    if (this.sent || this.closed) return undefined;
    const { output } = this.#connection;
    this.status = 101;
    output.write(`${statusLine(101)}${formatFields(headers)}connection: upgrade\r\nupgrade: ${protocol}\r\n\r\n`);
    output.flush();
    this.#tellSent();
    return this.#connection.detach();
  }

  /** Sends what was written so far. */
  flush(): void {
    this.#connection.output.flush();
  }

  #write(piece: string | Buffer): void {
    if (this.flushesItself) this.#connection.output.put(piece);
    else this.#connection.output.write(piece);
  }

  /** From the connection: it can take more. */
  drained(): void {
    if (this.#rest !== undefined) this.#pump();
    else this.onDrain?.();
  }

  /** From the connection: it is gone, or the upgraded protocol has ended. */
  connectionClosed(): void {
    this.#close(!this.#isEnded && this.status !== 101);
  }

  #head(status: number, headers: Headers, length: number | undefined): void {
    const close = this.#connection.mustClose();
    let end = this.#framing(status, length);
    if (!headers.has('date')) end = formatDate(this.#connection.now()) + end;
    if (close || this.#mode === byClose) end += 'connection: close\r\n';
    else if (this.#version === '1.0') end += 'connection: keep-alive\r\n';
    this.status = status;
    this.#write(formatHead({ start: statusLine(status), path: undefined, query: undefined, end }, headers));
    if (this.#sentListeners !== undefined) this.#tellSent();
  }

  /** Decides how the content is delimited, and says so. */
  #framing(status: number, length: number | undefined): string {
    if (!hasContent(this.#method, status)) {
      const mayTell = this.#method === 'HEAD' && status >= 200 && status !== 204 && status !== 304;
      return mayTell && length !== undefined ? formatLength(length) : '';
    }
    if (length !== undefined) {
      this.#mode = byLength;
      this.#length = length;
      return formatLength(length);
    }
    this.#mode = this.#version === '1.1' ? byChunks : byClose;
    return this.#mode === byChunks ? 'transfer-encoding: chunked\r\n' : '';
  }

  #pump(): void {
    const { output } = this.#connection;
    while (this.#rest !== undefined && !this.closed) {
      const piece = this.#rest.subarray(0, highWaterBytes);
      this.#rest = piece.length < this.#rest.length ? this.#rest.subarray(piece.length) : undefined;
      this.bytes += piece.length;
      output.write(piece);
      if (this.#rest !== undefined && output.isFull) return;
    }
    if (!this.closed) this.#finish();
  }

  #finish(): void {
    this.#isEnded = true;
    this.#connection.output.flushTogether();
    this.#close(false);
    this.#connection.replyEnded(this.#mode === byClose);
  }

  #tellSent(): void {
    const listeners = this.#sentListeners;
    this.#sentListeners = undefined;
    for (const listener of listeners ?? []) this.#tell(() => listener(this.status));
  }

  #close(aborted: boolean): void {
    if (this.closed) return;
    this.closed = true;
    if (this.#closedListeners === undefined) return;
    const end = { status: this.status, bytes: this.bytes, aborted };
    for (const listener of this.#closedListeners) this.#tell(() => listener(end));
  }

  #tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#connection.report(error);
    }
  }
}
