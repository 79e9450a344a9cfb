import { tryLockFile } from '../core/process-lock.ts';
import { AuditError } from './errors.ts';

/** Takes the folder of the ledger for this process; gives what releases it. Throws `ledger.locked`. */
export function lockFolder(folder: string): () => void {
  const release = tryLockFile(`${folder}/lock`);
  if (release !== undefined) return release;
  throw new AuditError({
    code: 'ledger.locked',
    message: `the ledger \`${folder}\` is open in another process`,
    hint: 'stop the other process, or ask it',
  });
}
