export { type SpoolOptions, spoolDefaults } from './config.ts';
export { AuditError, type AuditErrorCode, auditErrorCodes } from './errors.ts';
export { isLuhn, maskPath, maskRecord, maskSecrets, maskText } from './mask.ts';
export { createSpool, type Spool, type SpoolStatus } from './spool.ts';
export type { Slice } from './spool-file.ts';
export type { SpoolBatch } from './spool-queue.ts';
