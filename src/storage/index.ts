export { storeBounds } from './bounds.ts';
export { defaultBusyTimeoutMs, defaultSweepPeriodMs, type SqliteStoreOptions } from './config.ts';
export { StorageError, type StorageErrorCode, storageErrorCodes } from './errors.ts';
export { openSqliteStore } from './sqlite.ts';
export type { Entry, Page, Precondition, Store, Write } from './store.ts';
