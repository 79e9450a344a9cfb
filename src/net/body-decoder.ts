import { ChunkedDecoder, type TakeContent } from './chunked.ts';
import type { Headers } from './headers.ts';

const byLength = 0;
const byChunks = 1;
const byClose = 2;

/** Takes the content of one message after another out of a connection's bytes. */
export class BodyDecoder {
  /** Whether the body is complete. */
  done = true;
  /** Bytes of content so far. */
  received = 0;
  #mode = byLength;
  #remaining = 0;
  readonly #trailerBytes: number;
  #chunked: ChunkedDecoder | undefined;

  constructor(trailerBytes: number) {
    this.#trailerBytes = trailerBytes;
  }

  /** Trailer fields of a chunked body that is done. */
  get trailers(): Headers | undefined {
    return this.#mode === byChunks ? this.#chunked?.trailers : undefined;
  }

  /** Content bytes still to come where that is known. */
  get remaining(): number | undefined {
    return this.#mode === byLength ? this.#remaining : undefined;
  }

  /** The next body has `length` bytes. */
  expectLength(length: number): void {
    this.#begin(byLength);
    this.#remaining = length;
    this.done = length === 0;
  }

  /** The next body is chunked. */
  expectChunks(): void {
    this.#begin(byChunks);
    this.#chunked ??= new ChunkedDecoder(this.#trailerBytes);
    this.#chunked.reset();
  }

  /** The next body lasts until the connection ends: `endOfInput` completes it. */
  expectClose(): void {
    this.#begin(byClose);
  }

  /** The peer has ended its side. Returns whether that completes the body. */
  endOfInput(): boolean {
    if (this.#mode === byClose) this.done = true;
    return this.done;
  }

  /** Hands content to `take` until the body or the chunk ends or `take` answers false. Returns the offset after what was used. Throws as `ChunkedDecoder`. */
  decode(chunk: Buffer, offset: number, take: TakeContent): number {
    if (this.#mode === byChunks) {
      const decoder = this.#chunked as ChunkedDecoder;
      const end = decoder.decode(chunk, offset, take);
      this.done = decoder.done;
      return end;
    }
    let end = chunk.length;
    if (this.#mode === byLength) {
      end = Math.min(end, offset + this.#remaining);
      this.#remaining -= end - offset;
      this.done = this.#remaining === 0;
    }
    if (end > offset) take(offset === 0 && end === chunk.length ? chunk : chunk.subarray(offset, end));
    return end;
  }

  #begin(mode: number): void {
    this.#mode = mode;
    this.done = false;
    this.received = 0;
  }
}
