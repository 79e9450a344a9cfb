import { secretsConfig } from './config.ts';
import { SecretsError } from './errors.ts';

// Letters, digits and marks that mean nothing in a path, a URL or a policy. One spelling a secret: what a policy
// matched is what is read.
const segment = /^[A-Za-z0-9._~@=:,()$!&' +-]{1,255}$/;

/** Throws `secrets.bad-path` unless `path` is slash-separated segments, none empty, `.` or `..`. */
export function checkSecretPath(path: string): void {
  const bad = (part: string): boolean => !segment.test(part) || part === '.' || part === '..';
  if (path.length > secretsConfig.maxPathBytes || path.split('/').some(bad)) {
    throw new SecretsError('secrets.bad-path', 'the path of the secret is not valid');
  }
}

/** As `checkSecretPath`, for a folder to list: empty for the root, otherwise with a slash at its end. */
export function toFolder(path: string): string {
  const bare = path.endsWith('/') ? path.slice(0, -1) : path;
  if (bare === '') return '';
  checkSecretPath(bare);
  return `${bare}/`;
}
