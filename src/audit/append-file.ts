import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { OpenAppendFile } from './ports.ts';

/** A file of the machine's own disk, readable by its owner alone. */
export const openAppendFile: OpenAppendFile = async (path) => {
  // Not `a`: a write must go where it is told, so that a half-written batch can be overwritten.
  const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  return {
    async write(bytes, position) {
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at);
        at += bytesWritten;
      }
    },
    sync: () => file.datasync(),
    truncate: (length) => file.truncate(length),
    close: () => file.close(),
  };
};
