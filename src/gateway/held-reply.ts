import type { HeaderRecord, Headers, Reply, ReplyEnd } from '../net/index.ts';

/** An answer of a service that has arrived whole. */
export interface HeldResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** Works on an answer as it goes through. Both throw where it cannot be read: then the answer is broken off. */
export interface Through {
  /** What may go on of it; perhaps nothing yet. */
  write(piece: Buffer): Buffer;
  end(): Buffer;
}

/** What becomes of what was held. */
export interface Holding {
  readonly maxBytes: number;
  /** False: what the head says of a length is of a body that will not come (HEAD). */
  readonly hasBody: boolean;
  /** Asked with the head. `hold`: keep it all. `pass`: this one is not looked into. `stop`: it could not be read, and must not pass. */
  decide(status: number, headers: Headers): 'hold' | 'pass' | 'stop';
  /** It is larger than `maxBytes`. `pass`: what was held and what comes go on unread. `stop`: none of it does. Else all of it goes through. */
  tooLarge(headers: Headers): 'pass' | 'stop' | Through;
  /** What went through could not be read, and was broken off. */
  spoilt(): void;
  /** It has arrived whole. */
  whole(response: HeldResponse): void;
  /** It was cut off half-way. Nothing has been sent yet. */
  broken(): void;
}

/**
 * Stands where a client's reply would stand and keeps the service's answer back until it is known to be fit to be sent.
 * What never was to be held goes through as it comes.
 */
export class HeldReply implements Reply {
  status = 0;
  bytes = 0;
  readonly #reply: Reply;
  readonly #holding: Holding;
  readonly #pieces: Buffer[] = [];
  readonly #listeners: ((end: ReplyEnd) => void)[] = [];
  #headers: Headers | undefined;
  #length: number | undefined;
  #state: 'waiting' | 'holding' | 'passing' | 'stopped' = 'waiting';
  #through: Through | undefined;

  constructor(reply: Reply, holding: Holding) {
    this.#reply = reply;
    this.#holding = holding;
    // Whoever writes here is done or to be stopped, unless what it writes goes straight to the client.
    reply.onClosed((end) => this.#tellClosed(this.isPassing ? end : { ...end, aborted: true }));
  }

  get sent(): boolean {
    return this.status !== 0;
  }

  /** Whether the answer goes through as it comes. */
  get isPassing(): boolean {
    return this.#state === 'passing';
  }

  get closed(): boolean {
    return this.#reply.closed;
  }

  get onDrain(): (() => void) | undefined {
    return this.#reply.onDrain;
  }

  set onDrain(listener: (() => void) | undefined) {
    this.#reply.onDrain = listener;
  }

  send(status: number, headers?: Headers | HeaderRecord, body?: string | Buffer): void {
    if (this.sent) return;
    this.status = status;
    this.#reply.send(status, headers, body);
  }

  interim(status: number, headers: Headers | HeaderRecord): void {
    this.#reply.interim(status, headers);
  }

  start(status: number, headers: Headers | HeaderRecord, length?: number): void {
    this.status = status;
    this.#headers = headers as Headers;
    this.#length = length;
    const decision = this.#holding.decide(status, this.#headers);
    if (decision === 'hold') {
      this.#state = 'holding';
      // What will be too large anyhow need not be kept until it is.
      if (this.#holding.hasBody && (length ?? 0) > this.#holding.maxBytes) this.#tooLarge();
    } else if (decision === 'pass') this.#pass();
    else this.#stop();
  }

  #tooLarge(): boolean {
    const verdict = this.#holding.tooLarge(this.#headers as Headers);
    if (verdict === 'stop') {
      this.#stop();
      return true;
    }
    if (verdict !== 'pass') this.#through = verdict;
    return this.#pass();
  }

  write(chunk: Buffer | string): boolean {
    const piece = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    this.bytes += piece.length;
    if (this.#state === 'passing') return this.#passOn(piece);
    if (this.#state !== 'holding') return true;
    this.#pieces.push(piece);
    return this.bytes <= this.#holding.maxBytes || this.#tooLarge();
  }

  /** `piece` undefined: it was the last. */
  #passOn(piece: Buffer | undefined): boolean {
    if (this.#through === undefined) return piece === undefined || this.#reply.write(piece);
    try {
      const out = piece === undefined ? this.#through.end() : this.#through.write(piece);
      return out.length === 0 || this.#reply.write(out);
    } catch {
      this.#holding.spoilt();
      this.#stop();
      this.#reply.abort();
      return true;
    }
  }

  end(chunk?: Buffer | string, trailers?: Headers): void {
    if (chunk !== undefined) this.write(chunk);
    if (this.#state === 'passing') this.#passOn(undefined);
    if (this.#state === 'passing') this.#reply.end(undefined, trailers);
    if (this.#state !== 'holding') return;
    this.#state = 'stopped';
    this.#holding.whole({
      status: this.status,
      headers: this.#headers as Headers,
      body: this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces),
    });
  }

  abort(): void {
    if (this.#state === 'holding') this.#holding.broken();
    else this.#reply.abort();
  }

  onSent(listener: (status: number) => void): void {
    this.#reply.onSent(listener);
  }

  onClosed(listener: (end: ReplyEnd) => void): void {
    if (this.closed) this.#reply.onClosed(listener);
    else this.#listeners.push(listener);
  }

  /** Sends on what was held, and from now on what comes. */
  #pass(): boolean {
    this.#state = 'passing';
    this.#reply.start(this.status, this.#headers as Headers, this.#through === undefined ? this.#length : undefined);
    let goesOn = true;
    for (const piece of this.#pieces.splice(0)) if (this.isPassing) goesOn = this.#passOn(piece);
    return goesOn;
  }

  /** Takes no more: the service is told that nobody listens, since an answer may be endless. */
  #stop(): void {
    this.#state = 'stopped';
    this.#pieces.length = 0;
    this.#tellClosed({ status: this.status, bytes: 0, aborted: true });
  }

  #tellClosed(end: ReplyEnd): void {
    for (const listener of this.#listeners.splice(0)) listener(end);
  }
}
