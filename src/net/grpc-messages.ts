const prefixBytes = 5;

/** Follows the messages of a gRPC stream: a byte that tells whether it is compressed, four of length, and the message (PROTOCOL-HTTP2.md, "Length-Prefixed-Message"). */
export class GrpcMessages {
  readonly #maxBytes: number;
  /** Bytes of the prefix that have come, and what they say so far. */
  #prefixed = 0;
  #length = 0;
  /** Bytes of the message that are to come. */
  #left = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Takes the next bytes of the stream; tells what is wrong with them. */
  take(chunk: Buffer): 'too-large' | 'malformed' | undefined {
    let at = 0;
    while (at < chunk.length) {
      const skipped = Math.min(this.#left, chunk.length - at);
      this.#left -= skipped;
      at += skipped;
      for (; this.#left === 0 && at < chunk.length; at++) {
        const byte = chunk[at] as number;
        if (this.#prefixed === 0 && byte > 1) return 'malformed';
        this.#length = this.#prefixed === 0 ? 0 : this.#length * 256 + byte;
        if (++this.#prefixed < prefixBytes) continue;
        if (this.#length > this.#maxBytes) return 'too-large';
        this.#prefixed = 0;
        this.#left = this.#length;
      }
    }
    return undefined;
  }
}
