import { DatabaseSync } from 'node:sqlite';
import { ensurePrivateFile } from './files.ts';

// Of several that ask in one moment each may see the first step of another: all but one of them shall wait, and none fail.
const patienceMs = 250;

// A database that nothing refers to is closed by the garbage collector, and the lock with it.
const held = new Set<DatabaseSync>();

/**
 * Takes the lock `file` for this process, making it where it is missing; gives what releases it, or undefined where
 * another process holds it. The lock is a transaction on an empty database: Node has no flock, and unlike a file with a
 * process id the operating system drops this one when the process dies, so nobody has to guess who is alive.
 */
export function tryLockFile(file: string): (() => void) | undefined {
  ensurePrivateFile(file);
  const database = new DatabaseSync(file, { timeout: patienceMs });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch {
    database.close();
    return undefined;
  }
  held.add(database);
  return () => {
    if (held.delete(database)) database.close();
  };
}
