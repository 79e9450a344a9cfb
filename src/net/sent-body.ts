const mostBytes = 65_536;

/** The beginning of a body as it was sent: what an endpoint sends back unprocessed can be sent to another while it is all here. */
export class SentBody {
  #pieces: Buffer[] | undefined = [];
  #bytes = 0;

  /** All that was sent; undefined where it was more than is kept. */
  get pieces(): readonly Buffer[] | undefined {
    return this.#pieces;
  }

  keep(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > mostBytes) this.#pieces = undefined;
    else this.#pieces?.push(chunk);
  }
}
