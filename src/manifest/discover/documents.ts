import { join } from 'node:path';
import { MerlonError } from '../../core/errors.ts';
import type { Files } from '../ports.ts';
import type { Path } from '../problem.ts';
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
const maxDepth = 10;
const maxFileBytes = 2 * 1024 * 1024;
const passedOver = new Set(['node_modules', 'vendor', 'dist', 'build', 'target', '__pycache__']);
const readable = /\.(?:ya?ml|json)$/i;
const lockfiles = /(?:^|\/)(?:package-lock|composer\.lock|pnpm-lock|yarn\.lock|tsconfig[^/]*)\.(?:json|ya?ml)$/i;

/** Reads the YAML and JSON files (and `.env`) below `folder`, in the order of their names, within bounds. */
export function readFolder(folder: string, files: Files, facts: Facts): FoundFile[] {
  const found: FoundFile[] = [];
  const visit = (relative: string, depth: number): void => {
    for (const { name, kind } of files.list(join(folder, relative)) ?? []) {
      const path = relative === '' ? name : `${relative}/${name}`;
      const hidden = name.startsWith('.') && name !== '.env';
      if (hidden || found.length > maxFiles) continue;
      if (kind === 'folder' && !passedOver.has(name) && depth < maxDepth) visit(path, depth + 1);
      if (kind === 'file' && (name === '.env' || (readable.test(name) && !lockfiles.test(path)))) readOne(path);
    }
  };
  const readOne = (path: string): void => {
    try {
      const text = files.readText(join(folder, path), maxFileBytes);
      if (text !== undefined) found.push({ file: path, text });
    } catch (thrown) {
      if (!(thrown instanceof MerlonError)) throw thrown;
      facts.findings.push({
        severity: 'warning',
        code: 'discover.unreadable',
        message: `\`${path}\` is passed over: ${thrown.message}`,
      });
    }
  };
  visit('', 0);
  if (found.length > maxFiles)
    facts.findings.push({
      severity: 'warning',
      code: 'discover.bounds',
      message: `only the first ${maxFiles} files were read`,
    });
  return found.slice(0, maxFiles);
}

const isTemplate = (text: string): boolean => /\{\{[-\s]*[.$a-z]/i.test(text);

// JSON is read as YAML, for the lines; larger files (a lockfile by another name, a data set) are not worth it.
const maxPlacedJson = 256 * 1024;

function documentsOfJson({ file, text }: FoundFile): FoundDocument[] {
  try {
    const value: unknown = JSON.parse(text);
    return [{ file, value, place: () => ({ file, line: 1 }) }];
  } catch {
    return [];
  }
}

/** The documents of a file. What cannot be read is told; templates of Helm and the like are not guessed at. */
export function documentsOf(found: FoundFile, facts: Facts): FoundDocument[] {
  const { file, text } = found;
  const json = file.toLowerCase().endsWith('.json');
  if (json && text.length > maxPlacedJson) return documentsOfJson(found);
  const lines = lineCounter(text);
  const documents = readYamlDocuments(text);
  if (documents.some(({ faults }) => faults.some(({ code }) => code !== 'manifest.duplicate-key'))) {
    // JSON that is indented by tabs is no YAML.
    const plain = json ? documentsOfJson(found) : [];
    if (plain.length > 0) return plain;
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
      const { key, value: span } = steps.map(locate).find((found) => found !== undefined) ?? {};
      return { file, line: lines((key ?? span)?.from ?? 0) };
    },
  }));
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
