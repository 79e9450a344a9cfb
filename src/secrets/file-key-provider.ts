import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { tryDecodeBase64Url } from '../core/bytes.ts';
import { checkPrivate, ensurePrivateFolder, tryReadPrivateText, writeFileAtomic } from '../core/files.ts';
import { SecretsError } from './errors.ts';
import type { KeyProvider } from './ports.ts';

const rootKeyBytes = 32;

/**
 * Keeps the root key in a file (0600) of a private folder (0700). It protects the store's file, its backups and its disk
 * from whoever does not have the key's file; it does not protect from whoever may read both.
 * Errors: `state.permissions`, `state.unwritable`, `secrets.key-missing`, `secrets.key-malformed`.
 */
export function fileKeyProvider(path: string): KeyProvider {
  const tryRead = (): Buffer | undefined => {
    const text = tryReadPrivateText(path);
    if (text === undefined) return undefined;
    checkPrivate(dirname(path));
    const key = tryDecodeBase64Url(text.trim());
    if (key?.length === rootKeyBytes) return key;
    throw new SecretsError('secrets.key-malformed', `\`${path}\` does not hold a root key`);
  };
  const nothing = new Uint8Array();
  return {
    name: 'file',
    async create() {
      ensurePrivateFolder(dirname(path));
      // A key that is there already may be what opens a backup: it is used, never replaced.
      const existing = tryRead();
      if (existing !== undefined) return { rootKey: existing, kept: nothing };
      const rootKey = randomBytes(rootKeyBytes);
      writeFileAtomic(path, `${rootKey.toString('base64url')}\n`);
      return { rootKey, kept: nothing };
    },
    async recover() {
      const rootKey = tryRead();
      if (rootKey !== undefined) return rootKey;
      throw new SecretsError('secrets.key-missing', `the root key \`${path}\` is missing`, {
        hint: 'restore it from where you keep it: without it the store cannot be read by anyone',
      });
    },
  };
}
