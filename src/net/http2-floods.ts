import type { HttpLimits } from './config.ts';
import { NetError } from './errors.ts';

/** What a frame and its TLS record cost beside what they carry; and the window updates and pings that an honest peer answers with. */
export const frameAllowance = 64;

/** An upload that was refused may be on its way for a while. */
export const unreadAllowance = 16_384;

const burstSeconds = 4;

/**
 * Holds one HTTP/2 connection to what an honest one needs. Streams that end by a reset are counted, whoever sent it: work is cheap to
 * order that way and dear to do (CVE-2023-44487, CVE-2025-8671). And what comes beside the fields and content of requests is bounded
 * as a rate of bytes, so that no kind of frame can flood: PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA, or one that nobody knows.
 */
export class Http2Floods {
  /** Bytes that requests, their content and their answers account for. Whoever takes or sends them adds to it. */
  earned = 0;
  readonly #limits: HttpLimits;
  #resets: number;
  #overhead: number;
  #seenBytes = 0;

  constructor(limits: HttpLimits) {
    this.#limits = limits;
    this.#resets = limits.streamResetBurst;
    this.#overhead = limits.overheadBytesPerSecond * burstSeconds;
  }

  /** A stream ended by a reset. Gives why the connection must not go on. */
  reset(): NetError | undefined {
    return --this.#resets < 0 ? flood('resets streams without end') : undefined;
  }

  /** From sweep to sweep: `bytesRead` of the connection so far. Gives why it must not go on. */
  sweep(passedMs: number, bytesRead: number): NetError | undefined {
    const { streamResetBurst, streamResetsPerSecond, overheadBytesPerSecond } = this.#limits;
    this.#resets = Math.min(streamResetBurst, this.#resets + (streamResetsPerSecond * passedMs) / 1000);
    const burst = overheadBytesPerSecond * burstSeconds;
    this.#overhead = Math.min(burst, this.#overhead + (overheadBytesPerSecond * passedMs) / 1000);
    this.#overhead -= Math.max(0, bytesRead - this.#seenBytes - this.earned);
    this.#seenBytes = bytesRead;
    this.earned = 0;
    return this.#overhead < 0 ? flood('sends frames that carry nothing without end') : undefined;
  }
}

function flood(what: string): NetError {
  return new NetError('net.http2-flood', 0, `the client ${what}`);
}
