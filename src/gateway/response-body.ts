import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';

/** Decoders of content codings (RFC 9110, section 8.4.1), each bounded in what it gives. */
const decoders: ReadonlyMap<string, (body: Buffer, maxOutputLength: number) => Buffer> = new Map([
  ['gzip', (body, maxOutputLength) => gunzipSync(body, { maxOutputLength })],
  ['x-gzip', (body, maxOutputLength) => gunzipSync(body, { maxOutputLength })],
  ['deflate', (body, maxOutputLength) => inflateSync(body, { maxOutputLength })],
  ['br', (body, maxOutputLength) => brotliDecompressSync(body, { maxOutputLength })],
  ['zstd', (body, maxOutputLength) => zstdDecompressSync(body, { maxOutputLength })],
]);

/**
 * The content of a response as it was before it was compressed. Undefined where it cannot be read: an unknown or a second
 * coding, damage, or more than `maxBytes`.
 */
export function tryDecode(body: Buffer, codings: readonly string[], maxBytes: number): Buffer | undefined {
  const applied = appliedOf(codings);
  const [name] = applied;
  if (name === undefined || body.length === 0) return body;
  const decode = applied.length === 1 ? decoders.get(name) : undefined;
  try {
    return decode?.(body, maxBytes);
  } catch {
    return undefined;
  }
}

function appliedOf(codings: readonly string[]): string[] {
  const names = codings.flatMap((value) => value.split(',')).map((name) => name.trim().toLowerCase());
  return names.filter((name) => name !== '' && name !== 'identity');
}

/** Whether content is compressed (the values of `Content-Encoding`). */
export function isEncoded(codings: readonly string[]): boolean {
  return appliedOf(codings).length > 0;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** `body` as text; undefined where it is not UTF-8. */
export function tryReadUtf8(body: Buffer): string | undefined {
  try {
    return utf8.decode(body);
  } catch {
    return undefined;
  }
}
