import { existsSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { ensurePrivateFolder } from '../core/files.ts';
import { joinTokenFile } from '../distribution/index.ts';
import type { StateLayout } from './state.ts';

const packageRoot = resolve(import.meta.dirname, '..', '..');

export type ChildRole = 'control' | 'gateway' | 'agent';

// Once a role has started it gives back what that has left behind (`core/start-garbage.ts`). What runs as WebAssembly strips types, the first
// time: to optimise that takes longer than what is left of it.
const starting = ['--expose-gc', '--liftoff-only'];

// Control is no hot path: a small young generation halves what its heap takes.
const frugal = ['--max-semi-space-size=2', '--optimize-for-size'];

/**
 * What holds the program's own code and that of its dependencies, by name: the folder around it may hold anything, a
 * state folder among others.
 */
function codePaths(): string[] {
  const own = ['bin', 'src', 'dist', 'package.json', 'node_modules'].map((name) => join(packageRoot, name));
  const around = dirname(packageRoot).endsWith('node_modules') ? [dirname(packageRoot)] : [];
  return [...own, ...around].filter((path) => existsSync(path)).flatMap((path) => [path, realpathSync(path)]);
}

/**
 * How a role is started. Gateway and agent run under Node's permission model: they can read the program, their own
 * folders and their own join token, write their own folders, and start nothing. So a hole in the data plane does
 * not open control's files.
 */
export function roleCommand(role: ChildRole, args: readonly string[], layout: StateLayout): [string, ...string[]] {
  const flags = role === 'control' ? frugal : confinement(role, nameOf(args), layout);
  return [process.execPath, ...starting, ...flags, join(packageRoot, 'bin', 'merlon.mjs'), role, ...args];
}

/** The value of `--name`, which tells the processes of one role apart. */
function nameOf(args: readonly string[]): string {
  return args[args.indexOf('--name') + 1] ?? '1';
}

function confinement(role: 'gateway' | 'agent', name: string, layout: StateLayout): string[] {
  const own = [layout[role], codeCache(role)];
  const readable = [...new Set([...codePaths(), ...own, joinTokenFile(layout.join, role, name)])];
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
