import { type ErrorFacts, MerlonError, systemCode } from '../core/errors.ts';

/** Every code that this folder throws. */
export const auditErrorCodes = [
  /** The ledger's files contradict each other or its last signed checkpoint. Nothing was changed. */
  'ledger.corrupt',
  /** No space, or over quota. What was not acknowledged was not stored. */
  'ledger.full',
  /** Storage failed in a way that leaves unknown what was kept; the ledger takes nothing more until it is opened anew. */
  'ledger.failed',
  /** Another process has this ledger open. */
  'ledger.locked',
  /** More records wait than the configured bound. */
  'ledger.overloaded',
  /** One record is larger than the configured bound. */
  'ledger.record-too-large',
  /** Not a record of a decision or an event. */
  'ledger.record-invalid',
  /** Stopped. */
  'ledger.stopped',
  /** No record has that id, or no leaf that index. */
  'ledger.not-found',
  /** A signed note, checkpoint, key or proof that is not well-formed. */
  'ledger.note-invalid',
  /** A well-formed note or proof that does not verify. */
  'ledger.proof-invalid',
] as const;

export type AuditErrorCode = (typeof auditErrorCodes)[number];

/** A failure of the ledger. */
export class AuditError extends MerlonError {
  declare readonly code: AuditErrorCode;

  constructor(facts: ErrorFacts & { readonly code: AuditErrorCode }) {
    super(facts);
  }
}

const fullCodes = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

// SQLITE_FULL and SQLITE_IOERR_WRITE (https://sqlite.org/rescode.html), as the index reports them.
const sqliteFullCodes = new Set([13, 778]);

/** Whether the operating system, or SQLite in its name, says that there is no room. */
export function isFull(cause: unknown): boolean {
  const sqliteCode = (cause as { readonly errcode?: number } | undefined)?.errcode ?? 0;
  return fullCodes.has(systemCode(cause) ?? '') || sqliteFullCodes.has(sqliteCode);
}

/** `ledger.full` for the operating system's `cause`, with what to do about it. */
export function fullError(folder: string, cause: unknown): AuditError {
  return new AuditError({
    code: 'ledger.full',
    message: `the disk of the ledger \`${folder}\` is full`,
    hint: 'free some space there; records that were not acknowledged will be sent again',
    cause,
  });
}

/** `ledger.corrupt`: the ledger refuses to write after something that it cannot vouch for. */
export function corruptError(folder: string, what: string): AuditError {
  return new AuditError({
    code: 'ledger.corrupt',
    message: `the ledger \`${folder}\` is damaged: ${what}`,
    hint: 'run `merlon audit verify` to locate the damage; move the folder away to start a new ledger',
  });
}
