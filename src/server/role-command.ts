import { existsSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { StateLayout } from './state.ts';

const packageRoot = resolve(import.meta.dirname, '..', '..');
const extension = import.meta.filename.slice(-3);
const entry = join(
  packageRoot,
  import.meta.dirname.endsWith(join('src', 'server')) ? 'src' : 'dist',
  'cli',
  `main${extension}`,
);

/** Folders that hold the program's own code and that of its dependencies. */
function codeFolders(): string[] {
  const modules = [join(packageRoot, 'node_modules'), dirname(packageRoot)].filter(
    (folder) => folder.endsWith('node_modules') && existsSync(folder),
  );
  return [packageRoot, ...modules.map((folder) => realpathSync(folder))].flatMap((folder) => [
    folder,
    realpathSync(folder),
  ]);
}

/**
 * How a role is started. Gateway and agent run under Node's permission model: they can read the program, their own
 * folder and their join token, write their own folder, and start nothing. So a hole in the data plane does
 * not open control's files.
 */
export function roleCommand(
  role: 'control' | 'gateway' | 'agent',
  args: readonly string[],
  layout: StateLayout,
): [string, ...string[]] {
  return [process.execPath, ...(role === 'control' ? [] : confinement(role, layout)), entry, role, ...args];
}

function confinement(role: 'gateway' | 'agent', layout: StateLayout): string[] {
  const readable = [...new Set([...codeFolders(), layout[role], layout.join])];
  return ['--permission', ...readable.map((folder) => `--allow-fs-read=${folder}`), `--allow-fs-write=${layout[role]}`];
}
