import {
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { MerlonError, messageOf, systemCode } from './errors.ts';

/** A folder that only its owner may enter (0700), made where it is missing. Throws `state.unwritable`, `state.permissions`. */
export function ensurePrivateFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new MerlonError({
      code: 'state.unwritable',
      message: `cannot create the folder \`${path}\`: ${messageOf(cause)}`,
      hint: 'choose another state folder with --state, or make its parent writable',
      cause,
    });
  }
  checkPrivate(path);
}

/** Throws `state.permissions` where others than the owner may read `path`, or where it is not ours. */
export function checkPrivate(path: string): void {
  const { mode, uid } = statSync(path);
  const own = process.getuid?.();
  if (own !== undefined && uid !== own) {
    throw new MerlonError({
      code: 'state.permissions',
      message: `\`${path}\` belongs to user ${uid}, not to user ${own} who runs this`,
      hint: `chown it, or choose another state folder with --state`,
    });
  }
  if ((mode & 0o077) !== 0) {
    throw new MerlonError({
      code: 'state.permissions',
      message: `\`${path}\` may be read by other users (mode ${(mode & 0o777).toString(8)})`,
      hint: `chmod ${(mode & 0o170000) === 0o040000 ? '700' : '600'} ${path}`,
    });
  }
}

const anew = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
// Each write is on the medium when it returns. Not fsync: Node's permission model, under which the data plane runs, forbids it.
const durably = anew | constants.O_SYNC;

/** Writes `data` so that a crash leaves the old file or the new one, never a part: temporary file, rename, sync of the folder. */
export function writeFileAtomic(path: string, data: string | Uint8Array, mode = 0o600): void {
  replace(path, data, mode, true);
}

/** As `writeFileAtomic`, without waiting for the disk: whatever ends this process leaves one of the two files; the death of the machine may leave neither. */
export function replaceFile(path: string, data: string | Uint8Array, mode = 0o600): void {
  replace(path, data, mode, false);
}

function replace(path: string, data: string | Uint8Array, mode: number, isDurable: boolean): void {
  const temporary = join(dirname(path), `.${process.pid}.${Math.trunc(performance.now() * 1e3)}.tmp`);
  try {
    const file = openSync(temporary, isDurable ? durably : anew, mode);
    try {
      const bytes = typeof data === 'string' ? Buffer.from(data) : data;
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    if (isDurable) syncFolder(dirname(path));
  } catch (cause) {
    // On a full disk each try would leave a part behind.
    rmSync(temporary, { force: true });
    throw new MerlonError({
      code: 'state.unwritable',
      message: `cannot write \`${path}\`: ${messageOf(cause)}`,
      hint: 'make the state folder writable and see that its disk is not full',
      cause,
    });
  }
}

/** Makes an empty file for its owner alone where there is none, for libraries that would make it with a wider mode. */
export function ensurePrivateFile(path: string): void {
  closeSync(openSync(path, 'a', 0o600));
}

/** Makes a rename or a new file in `folder` survive a power cut. Confined roles may not; what they keep can be had again. */
export function syncFolder(folder: string): void {
  if (process.permission !== undefined) return;
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** The text of `path`, or undefined where there is no such file. Other failures are thrown as they are. */
export function tryReadText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** As `tryReadText`, for a file that holds a key: refuses one that others may read. Throws `state.permissions`. */
export function tryReadPrivateText(path: string): string | undefined {
  const text = tryReadText(path);
  if (text !== undefined) checkPrivate(path);
  return text;
}
