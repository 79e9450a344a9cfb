import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { messageOf } from '../../core/errors.ts';
import { documentLimits } from '../config.ts';
import { unescapeToken } from '../json.ts';
import { parseJson } from '../validate/json-guard.ts';
import { createJsonLocator } from './json-position.ts';

/** One parsed file of a document. */
export interface Source {
  /** As shown to people and as `$ref` is resolved against. */
  readonly path: string;
  readonly root: unknown;
  /** Offset of the value at `tokens`. */
  readonly locate: (tokens: readonly string[]) => Position;
}

export interface Position {
  /** From 1, as editors count. */
  readonly line: number;
  readonly column: number;
}

/** A fault of syntax, at a place. */
export interface SyntaxFault {
  readonly position: Position;
  readonly message: string;
}

/** Parses a file; gives its faults where it is none. */
export type ParseSource = (path: string, text: string) => Source | readonly SyntaxFault[];

/** Parses `text` as JSON where it is that, and as YAML 1.2 otherwise. Gives all faults where it is neither. */
export function parseSource(path: string, text: string): Source | readonly SyntaxFault[] {
  if (text.length > documentLimits.fileBytes) {
    return [{ position: { line: 1, column: 1 }, message: `the file is larger than ${documentLimits.fileBytes} bytes` }];
  }
  const json = looksLikeJson(text) ? parseJsonSource(path, text) : undefined;
  return json ?? parseYaml(path, text);
}

function looksLikeJson(text: string): boolean {
  return /^\s{0,64}[{[]/.test(text);
}

const deepest = { maxDepth: 1000, maxValues: Number.POSITIVE_INFINITY };

/** Undefined: not JSON, but YAML's flow style may look like it. */
function parseJsonSource(path: string, text: string): Source | readonly SyntaxFault[] | undefined {
  const position = lazily(() => createJsonPosition(text));
  const result = parseJson(Buffer.from(text), deepest);
  if ('value' in result) return { path, root: result.value, locate: position };
  const { code, message, pointer } = result.fault;
  if (code === 'openapi.malformed-body') return path.endsWith('.json') ? [jsonFault(text, message)] : undefined;
  const tokens = pointer?.split('/').slice(1).map(unescapeToken) ?? [];
  return [{ position: position(tokens), message: `the file ${message}` }];
}

/** Where the engine's own parser stops. */
function jsonFault(text: string, message: string): SyntaxFault {
  try {
    JSON.parse(text);
  } catch (error) {
    const [, line, column] = /line (\d+) column (\d+)/.exec(messageOf(error)) ?? [];
    if (line !== undefined)
      return { position: { line: Number(line), column: Number(column) }, message: `the file ${message}` };
  }
  return { position: { line: 1, column: 1 }, message: `the file ${message}` };
}

/** Makes the function at its first call: most files are never asked for a position. */
function lazily<A, B>(make: () => (argument: A) => B): (argument: A) => B {
  let made: ((argument: A) => B) | undefined;
  return (argument) => {
    made ??= make();
    return made(argument);
  };
}

function createJsonPosition(text: string): (tokens: readonly string[]) => Position {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines.addNewLine(at + 1);
  const locate = createJsonLocator(text);
  return (tokens) => {
    const { line, col } = lines.linePos(locate(tokens));
    return { line, column: col };
  };
}

function parseYaml(path: string, text: string): Source | readonly SyntaxFault[] {
  if (text.length > documentLimits.yamlBytes) {
    const message = `a YAML file must not be larger than ${documentLimits.yamlBytes} bytes; JSON is read much faster`;
    return [{ position: { line: 1, column: 1 }, message }];
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, version: '1.2', merge: false, uniqueKeys: true });
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  if (document.errors.length > 0) {
    return document.errors.map(({ pos, message }) => ({
      position: position(pos[0]),
      message: (message.split('\n')[0] as string).replace(/ at line \d+, column \d+:?$/, ''),
    }));
  }
  try {
    const root: unknown = document.toJS({ maxAliasCount: 1000 });
    return { path, root, locate: (tokens) => position(yamlOffset(document.contents, tokens)) };
  } catch {
    return [{ position: { line: 1, column: 1 }, message: 'its aliases expand to too much' }];
  }
}

function yamlOffset(contents: unknown, tokens: readonly string[]): number {
  let node = contents;
  let found = (contents as Node | null)?.range?.[0] ?? 0;
  for (const token of tokens) {
    if (isAlias(node)) return found;
    const step = yamlStep(node, token);
    if (step === undefined) return found;
    found = step.shown ?? found;
    node = step.value;
  }
  return found;
}

function yamlStep(node: unknown, token: string): { shown: number | undefined; value: unknown } | undefined {
  if (isMap(node)) {
    const pair = node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === token);
    return pair === undefined ? undefined : { shown: (pair.key as Node | null)?.range?.[0], value: pair.value };
  }
  if (!isSeq(node)) return undefined;
  const item = node.items[Number(token)];
  return item === undefined ? undefined : { shown: (item as Node).range?.[0], value: item };
}
