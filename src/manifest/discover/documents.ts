import { join } from 'node:path';
import { MerlonError } from '../../core/errors.ts';
import type { Files } from '../ports.ts';
import type { Path } from '../problem.ts';
import { isTree } from '../tree.ts';
import { readYamlDocuments } from '../yaml-text.ts';
import type { Facts, Place } from './facts.ts';

/** A file below the folder. */
export interface FoundFile {
  /** Relative to the folder, with slashes. */
  readonly file: string;
  readonly text: string;
}

/** One YAML or JSON document of a file. */
export interface FoundDocument {
  readonly file: string;
  readonly value: unknown;
  /** The line of what stands at a path. */
  place(path: Path): Place;
}

const maxFiles = 3000;
const maxFolders = 20_000;
const maxDepth = 10;
const maxFileBytes = 2 * 1024 * 1024;
const maxCharacters = 64 * 1024 * 1024;
const passedOver = new Set(['node_modules', 'vendor', 'dist', 'build', 'target', '__pycache__']);
const readable = /\.(?:ya?ml|json)$/i;
const lockfiles = /(?:^|\/)(?:package-lock|composer\.lock|pnpm-lock|yarn\.lock|tsconfig[^/]*)\.(?:json|ya?ml)$/i;

/** Runs `read`; what cannot be read is told and passed over. */
function tryRead<T>(path: string, facts: Facts, read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch (thrown) {
    if (!(thrown instanceof MerlonError)) throw thrown;
    facts.findings.push({
      severity: 'warning',
      code: 'discover.unreadable',
      message: `\`${path}\` is passed over: ${thrown.message}`,
    });
    return undefined;
  }
}

/** Reads the YAML and JSON files (and `.env`) below `folder`, in the order of their names, within bounds. */
export function readFolder(folder: string, files: Files, facts: Facts): FoundFile[] {
  const found: FoundFile[] = [];
  let folders = 0;
  let characters = 0;
  const full = (): boolean => found.length >= maxFiles || folders >= maxFolders || characters >= maxCharacters;
  const visit = (relative: string, depth: number): void => {
    folders += 1;
    for (const { name, kind } of tryRead(relative, facts, () => files.list(join(folder, relative))) ?? []) {
      const path = relative === '' ? name : `${relative}/${name}`;
      if (full()) return;
      if (kind === 'folder' && !name.startsWith('.') && !passedOver.has(name) && depth < maxDepth)
        visit(path, depth + 1);
      if (kind === 'file' && isWanted(path, name)) readOne(path);
    }
  };
  const readOne = (path: string): void => {
    const text = tryRead(path, facts, () => files.readText(join(folder, path), maxFileBytes));
    if (text === undefined) return;
    found.push({ file: path, text });
    characters += text.length;
  };
  visit('', 0);
  if (full())
    facts.findings.push({
      severity: 'warning',
      code: 'discover.bounds',
      message: `there are too many files here: only the first ${found.length} in ${folders} folders were read`,
    });
  return found;
}

function isWanted(path: string, name: string): boolean {
  return name === '.env' || (!name.startsWith('.') && readable.test(name) && !lockfiles.test(path));
}

const isTemplate = (text: string): boolean => /\{\{[-\s]{0,8}[.$a-z]/i.test(text);

// What is none of these is somebody else's YAML, and none of our business.
const tellingYaml = /^[ \t{[,-]{0,64}["']?(?:apiVersion|kind|openapi|services|include)["']?[ \t]*:/m;
const tellingJson = /"(?:apiVersion|openapi|workspaces|scripts|services)"\s{0,16}:/;

/** The documents of a file. What cannot be read is told; templates of Helm and the like are not guessed at. */
export function documentsOf({ file, text }: FoundFile, facts: Facts): FoundDocument[] {
  const isJson = file.toLowerCase().endsWith('.json');
  if (!(isJson ? tellingJson : tellingYaml).test(text)) return [];
  const json = isJson ? tryParseJson(text) : undefined;
  // JSON is read once more as YAML where its lines may be cited.
  if (json !== undefined && !(isTree(json) && 'apiVersion' in json))
    return [{ file, value: json, place: () => ({ file, line: 1 }) }];
  const lines = lineCounter(text);
  const documents = readYamlDocuments(text);
  if (documents.some(({ faults }) => faults.some(({ code }) => code !== 'manifest.duplicate-key'))) {
    // JSON that is indented by tabs is no YAML.
    if (json !== undefined) return [{ file, value: json, place: () => ({ file, line: 1 }) }];
    const template = isTemplate(text);
    facts.findings.push({
      severity: 'warning',
      code: template ? 'discover.template' : 'discover.unreadable',
      message: template ? 'this is a template: render it, and look again' : 'this is not YAML',
      place: { file, line: 1 },
    });
    return [];
  }
  return documents.map(({ value, locate }) => ({
    file,
    value,
    place: (path) => {
      // What a merge key or an alias brought in has no place of its own: its parent's will do.
      const steps = Array.from({ length: path.length + 1 }, (_, at) => path.slice(0, path.length - at));
      const { key, value: span } = steps.map(locate).find((located) => located !== undefined) ?? {};
      return { file, line: lines((key ?? span)?.from ?? 0) };
    },
  }));
}

function tryParseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function lineCounter(text: string): (offset: number) => number {
  const ends: number[] = [];
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', end + 1)) ends.push(end);
  return (offset) => {
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ends[middle] as number) < offset) low = middle + 1;
      else high = middle;
    }
    return low + 1;
  };
}
