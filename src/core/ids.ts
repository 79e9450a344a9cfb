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

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const h = (at: number): string => hex[pool[at] as number] as string;

/** A UUID of version 7 (RFC 9562, section 5.7): sortable by its time, 74 random bits. `nowMs`: epoch milliseconds. */
export function uuidV7(nowMs: number): string {
  const at = draw(10);
  pool[at] = ((pool[at] as number) & 0x0f) | 0x70;
  pool[at + 2] = ((pool[at + 2] as number) & 0x3f) | 0x80;
  const time = nowMs.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-${h(at)}${h(at + 1)}-${h(at + 2)}${h(at + 3)}-${h(at + 4)}${h(at + 5)}${h(at + 6)}${h(at + 7)}${h(at + 8)}${h(at + 9)}`;
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
