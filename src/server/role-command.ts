import { existsSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { ensurePrivateFolder } from '../core/files.ts';
import type { StateLayout } from './state.ts';

const packageRoot = resolve(import.meta.dirname, '..', '..');

export type ChildRole = 'control' | 'gateway' | 'agent';

// Control is no hot path: a small young generation halves what its heap takes.
const frugal = ['--max-semi-space-size=2', '--optimize-for-size'];

/** Folders that hold the program's own code and that of its dependencies. */
function codeFolders(): string[] {
  const modules = [join(packageRoot, 'node_modules'), dirname(packageRoot)].filter(
    (folder) => folder.endsWith('node_modules') && existsSync(folder),
  );
  return [packageRoot, ...modules].flatMap((folder) => [folder, realpathSync(folder)]);
}

/**
 * How a role is started. Gateway and agent run under Node's permission model: they can read the program, their own
 * folders and their join token, write their own folders, and start nothing. So a hole in the data plane does
 * not open control's files.
 */
export function roleCommand(role: ChildRole, args: readonly string[], layout: StateLayout): [string, ...string[]] {
  const flags = role === 'control' ? frugal : confinement(role, layout);
  return [process.execPath, ...flags, join(packageRoot, 'bin', 'merlon.mjs'), role, ...args];
}

function confinement(role: 'gateway' | 'agent', layout: StateLayout): string[] {
  const own = [layout[role], codeCache(role)];
  const readable = [...new Set([...codeFolders(), ...own, layout.join])];
  return [
    '--permission',
    ...readable.map((folder) => `--allow-fs-read=${folder}`),
    ...own.map((folder) => `--allow-fs-write=${folder}`),
  ];
}

/** Where a role keeps its compiled code between starts; made where it is missing. */
export function codeCache(role: ChildRole): string {
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'merlon', role);
  ensurePrivateFolder(folder);
  return folder;
}
