// What the engine is asked about: messages as byte strings, whoever received them.

/** Name as received and value; names may repeat. */
export type HeaderField = readonly [name: string, value: string];

export interface WafRequest {
  readonly method: string;
  /** As received: `/a?b=c`, or with scheme and authority. */
  readonly uri: string;
  /** `HTTP/1.1`. */
  readonly protocol: string;
  readonly headers: readonly HeaderField[];
  /** The whole body, as far as it was buffered. */
  readonly body?: Uint8Array;
  /** More body was sent than `body` holds. */
  readonly bodyTruncated?: boolean;
  readonly remoteAddress: string;
  readonly remotePort?: number;
  readonly serverAddress?: string;
  readonly serverPort?: number;
  /** Who the caller is, where someone was authenticated. */
  readonly user?: string | undefined;
  /** Unique; sampling rules draw their lots from it. */
  readonly id: string;
}

export interface WafResponse {
  readonly status: number;
  readonly protocol: string;
  readonly headers: readonly HeaderField[];
  readonly body?: Uint8Array;
}

/** Value of a header field, its repetitions joined by commas (RFC 9110, section 5.3); empty where there is none. */
export function headerOf(headers: readonly HeaderField[], lowerName: string): string {
  let joined: string | undefined;
  for (let index = 0; index < headers.length; index += 1) {
    const [name, value] = headers[index]!;
    if (name.length !== lowerName.length || name.toLowerCase() !== lowerName) continue;
    joined = joined === undefined ? value : `${joined}, ${value}`;
  }
  return joined ?? '';
}
