import { closeSync, fstatSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import { MerlonError } from '../../core/errors.ts';
import { documentLimits } from '../config.ts';
import type { ReadFile } from './load.ts';

/**
 * A reader of files below the folder `root`. A symbolic link that leads out of it is refused (`openapi.foreign-ref`), and
 * so is what is no ordinary file or too large (`openapi.too-large`).
 */
export function createDocumentReader(root: string): ReadFile {
  const realRoot = realpathSync(root);
  return (path) => {
    const real = realpathSync(resolve(path));
    const inner = relative(realRoot, real);
    if (inner === '..' || inner.startsWith(`..${sep}`) || resolve(inner) === inner) {
      throw new MerlonError({ code: 'openapi.foreign-ref', message: `\`${path}\` leads out of \`${root}\`` });
    }
    return readBounded(real);
  };
}

function readBounded(path: string): string {
  const file = openSync(path, 'r');
  try {
    const status = fstatSync(file);
    if (!status.isFile() || status.size > documentLimits.fileBytes) {
      throw new MerlonError({
        code: 'openapi.too-large',
        message: `\`${path}\` is no file, or larger than ${documentLimits.fileBytes} bytes`,
      });
    }
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}
