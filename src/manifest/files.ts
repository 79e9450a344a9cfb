import { readdirSync, readFileSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { MerlonError, messageOf, systemCode } from '../core/errors.ts';
import type { Files, FolderItem } from './ports.ts';

const absent = new Set(['ENOENT', 'ENOTDIR']);

function tooLarge(path: string, maxBytes: number): MerlonError {
  return new MerlonError({ code: 'manifest.too-large', message: `\`${path}\` is larger than ${maxBytes} bytes` });
}

function readText(path: string, maxBytes: number): string | undefined {
  try {
    const found = statSync(path);
    // Reading a pipe or a device might never end.
    if (!found.isFile()) throw new MerlonError({ code: 'manifest.unreadable', message: `\`${path}\` is not a file` });
    if (found.size > maxBytes) throw tooLarge(path, maxBytes);
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (cause instanceof MerlonError) throw cause;
    if (absent.has(systemCode(cause) ?? '')) return undefined;
    throw new MerlonError({
      code: 'manifest.unreadable',
      message: `cannot read \`${path}\`: ${messageOf(cause)}`,
      cause,
    });
  }
}

function list(path: string): readonly FolderItem[] | undefined {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((item) => item.isFile() || item.isDirectory())
      .map((item): FolderItem => ({ name: item.name, kind: item.isDirectory() ? 'folder' : 'file' }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    if (absent.has(systemCode(cause) ?? '')) return undefined;
    throw new MerlonError({
      code: 'manifest.unreadable',
      message: `cannot read \`${path}\`: ${messageOf(cause)}`,
      cause,
    });
  }
}

/** The machine's own files. */
export const systemFiles: Files = { readText, list };

/** Files that are only in memory, by path. Folders are what their paths say. */
export function memoryFiles(texts: ReadonlyMap<string, string>): Files {
  const normal = new Map([...texts].map(([path, text]) => [posix.normalize(path), text]));
  return {
    readText(path, maxBytes) {
      const text = normal.get(posix.normalize(path));
      if (text !== undefined && Buffer.byteLength(text) > maxBytes) throw tooLarge(path, maxBytes);
      return text;
    },
    list(path) {
      const folder = posix.normalize(`${path}/`);
      const below = [...normal.keys()].filter((key) => folder === './' || key.startsWith(folder));
      if (below.length === 0) return undefined;
      const items = new Map<string, FolderItem>();
      for (const key of below) {
        const [name = '', ...rest] = (folder === './' ? key : key.slice(folder.length)).split('/');
        items.set(name, { name, kind: rest.length > 0 ? 'folder' : 'file' });
      }
      return [...items.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    },
  };
}
