import { DatabaseSync } from 'node:sqlite';
import { ensurePrivateFile } from '../core/files.ts';
import { AuditError } from './errors.ts';

/**
 * Takes the folder of the ledger for this process; gives what releases it. The lock is a transaction on an empty database:
 * Node has no flock, and unlike a file with a process id the operating system drops this when the process dies.
 * Throws `ledger.locked`.
 */
export function lockFolder(folder: string): () => void {
  ensurePrivateFile(`${folder}/lock`);
  const database = new DatabaseSync(`${folder}/lock`);
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    throw new AuditError({
      code: 'ledger.locked',
      message: `the ledger \`${folder}\` is open in another process`,
      hint: 'stop the other process, or ask it',
      cause,
    });
  }
  return () => database.close();
}
