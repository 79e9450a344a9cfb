import { randomBytes, randomFillSync } from 'node:crypto';

// Random bytes are drawn in one block: a call of the operating system per id costs more than the id.
const pool = Buffer.alloc(4096);
let used = pool.length;

function draw(count: number): number {
  if (used + count > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const at = used;
  used += count;
  return at;
}

const hexDigits = Buffer.from('0123456789abcdef');
// The text of an id is put together here, and becomes a string with one call.
const text = Buffer.from('00000000-0000-0000-0000-000000000000');
let textMs = 0;

function putHex(byte: number, at: number): void {
  text[at] = hexDigits[byte >> 4] as number;
  text[at + 1] = hexDigits[byte & 15] as number;
}

/** A UUID of version 7 (RFC 9562, section 5.7): sortable by its time, 74 random bits. `nowMs`: epoch milliseconds. */
export function uuidV7(nowMs: number): string {
  if (nowMs !== textMs) {
    const time = nowMs.toString(16).padStart(12, '0');
    text.write(`${time.slice(0, 8)}-${time.slice(8)}`, 'latin1');
    textMs = nowMs;
  }
  const at = draw(10);
  putHex(((pool[at] as number) & 0x0f) | 0x70, 14);
  putHex(pool[at + 1] as number, 16);
  putHex(((pool[at + 2] as number) & 0x3f) | 0x80, 19);
  putHex(pool[at + 3] as number, 21);
  for (let byte = 4; byte < 10; byte++) putHex(pool[at + byte] as number, 16 + byte * 2);
  return text.toString('latin1');
}

/** `bytes` random bytes in hexadecimal, for names such as trace ids. Not for secrets: for those there is `randomToken`. */
export function randomHex(bytes: number): string {
  const at = draw(bytes);
  return pool.toString('hex', at, at + bytes);
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether `text` has the shape of a UUID. */
export function isUuid(text: string): boolean {
  return uuid.test(text);
}

/** An unguessable token of `bytes` random bytes (32 unless told), base64url. */
export function randomToken(bytes = 32): string {
  return randomBytes(bytes).toString('base64url');
}
