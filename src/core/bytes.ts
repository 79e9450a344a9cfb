import { timingSafeEqual } from 'node:crypto';

/** Bytes as base64url without padding (RFC 4648, section 5). */
export function encodeBase64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}

const base64Url = /^[A-Za-z0-9_-]*$/;

/** Strict inverse of `encodeBase64Url`: no padding, no other alphabet, no dangling bits. Undefined where it is not that. */
export function tryDecodeBase64Url(text: string): Buffer | undefined {
  if (!base64Url.test(text) || text.length % 4 === 1) return undefined;
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}

/** Compares secrets in time that depends on their length alone. */
export function equalConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && timingSafeEqual(a, b);
}

/** UTF-8 bytes of `text`. */
export function encodeUtf8(text: string): Buffer {
  return Buffer.from(text, 'utf8');
}
