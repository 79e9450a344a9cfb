import { posix } from 'node:path';
import { at, listAt, textAt, textOf } from '../tree.ts';
import type { FoundDocument } from './documents.ts';
import type { Facts } from './facts.ts';

/** Whether `folder` is meant by a workspace entry: a path, or one with `*` for a folder's name at its end. */
function isMember(pattern: string, folder: string): boolean {
  const entry = posix.normalize(pattern).replace(/\/$/, '');
  if (entry.endsWith('/**')) return folder.startsWith(entry.slice(0, -2));
  return entry.endsWith('/*') ? posix.dirname(folder) === entry.slice(0, -2) : folder === entry;
}

function patternsOf(root: FoundDocument): string[] {
  const listed =
    at(root.value, 'workspaces', 'packages') === undefined
      ? listAt(root.value, 'workspaces')
      : listAt(root.value, 'workspaces', 'packages');
  const base = posix.dirname(root.file);
  return listed.flatMap((item) => textOf(item) ?? []).map((pattern) => posix.join(base, pattern));
}

/** Workspaces of npm that can be started are services that Merlon can run. */
export function readWorkspaces(packages: readonly FoundDocument[], facts: Facts): void {
  const patterns = packages.flatMap(patternsOf);
  for (const { file, value, place } of packages) {
    const folder = posix.dirname(file);
    const start = textAt(value, 'scripts', 'start');
    if (start === undefined || !patterns.some((pattern) => isMember(pattern, folder))) continue;
    const name = (textAt(value, 'name') ?? posix.basename(folder)).replace(/^@[^/]{0,214}\//, '');
    facts.workloads.push({
      source: 'npm',
      kind: 'workspace',
      name,
      namespace: '',
      labels: new Map(),
      serviceAccount: undefined,
      image: undefined,
      ports: [],
      portNames: new Map(),
      health: undefined,
      settings: [{ kind: 'argument', name: '', value: start, place: place([]) }],
      after: [],
      networks: [],
      run: { command: 'npm start', cwd: folder },
      place: place([]),
    });
  }
}
