import { type Dirent, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/** A file of the project. */
export interface ProjectFile {
  /** Relative to the project's root, with `/`. */
  readonly path: string;
  /** The text; empty where the file is larger than what is read, or cannot be read. */
  text(): string;
}

/** The files of a project, as far as a checklist looks at them. */
export interface ProjectFiles {
  readonly root: string;
  readonly all: readonly ProjectFile[];
  /** Those whose path matches. */
  matching(pattern: RegExp): readonly ProjectFile[];
}

const skipped = new Set(['node_modules', '.git', '.merlon', '.data', 'dist', 'build', 'coverage', 'vendor', '.venv']);
const maxFiles = 5000;
const maxDepth = 8;
const maxBytes = 256 * 1024;

/** The files of the project that `manifestPath` belongs to: of its repository where there is one, else of its folder. */
export function readProject(manifestPath: string): ProjectFiles {
  const root = projectRoot(dirname(resolve(manifestPath)));
  return projectFiles(
    root,
    list(root, root, 0, []).map((path) => ({ path, text: () => readText(join(root, path)) })),
  );
}

export function projectFiles(root: string, all: readonly ProjectFile[]): ProjectFiles {
  return { root, all, matching: (pattern) => all.filter(({ path }) => pattern.test(path)) };
}

function projectRoot(folder: string): string {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return at;
    if (dirname(at) === at) return folder;
  }
}

function list(root: string, folder: string, depth: number, found: string[]): string[] {
  if (depth > maxDepth) return found;
  for (const entry of entriesOf(folder)) {
    if (found.length >= maxFiles) return found;
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !skipped.has(entry.name)) list(root, path, depth + 1, found);
    else if (entry.isFile()) found.push(relative(root, path).replaceAll('\\', '/'));
  }
  return found;
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return [];
  }
}

function readText(path: string): string {
  try {
    return statSync(path).size > maxBytes ? '' : readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
