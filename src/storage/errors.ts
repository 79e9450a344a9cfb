import { MerlonError, messageOf } from '../core/errors.ts';

/** Every code that this folder throws. */
export const storageErrorCodes = [
  'storage.conflict',
  'storage.unavailable',
  'storage.full',
  'storage.corrupt',
  'storage.newer-schema',
  'storage.invalid',
] as const;

export type StorageErrorCode = (typeof storageErrorCodes)[number];

/** A failure of durable state. */
export class StorageError extends MerlonError {
  declare readonly code: StorageErrorCode;
}

/** A precondition on `key` did not hold, and nothing of the batch was written. */
export function conflict(key: string): StorageError {
  return new StorageError({
    code: 'storage.conflict',
    message: 'the stored entry was changed by someone else in the meantime',
    detail: `key \`${key}\``,
    hint: 'read it again and repeat',
  });
}

/** The store is closed, locked by another process, or its disk fails. */
export function unavailable(detail: string, cause?: unknown): StorageError {
  return new StorageError({ code: 'storage.unavailable', message: 'the store is not available', detail, cause });
}

/** A key, a value or a batch that no store takes. */
export function invalid(message: string): StorageError {
  return new StorageError({ code: 'storage.invalid', message });
}

/** The store's disk, or its configured size, is used up. */
export function full(cause: unknown): StorageError {
  return new StorageError({
    code: 'storage.full',
    message: 'the store is full',
    detail: messageOf(cause),
    hint: 'free space on its disk, or raise its `maxBytes`',
    cause,
  });
}
