import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Pair,
  parseAllDocuments,
  type YAMLMap,
} from 'yaml';
import type { ManifestCode } from './codes.ts';
import type { Path } from './problem.ts';
import { isSecretStep } from './secrecy.ts';

/** A part of a text, in UTF-16 code units. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Where a key and its value stand. */
export interface Located {
  readonly key?: Span;
  readonly value?: Span;
}

/** Something that keeps a text from being the one plain YAML document that it should be. */
export interface Fault {
  readonly code: ManifestCode;
  readonly message: string;
  readonly hint?: string;
  readonly span: Span;
  readonly path?: Path;
}

/** A YAML document as plain values. */
export interface YamlText {
  readonly value: unknown;
  readonly faults: readonly Fault[];
  /** Where the key and the value at `path` stand; undefined where nothing does. */
  locate(path: Path): Located | undefined;
  /** Values that may be secrets. */
  readonly masked: readonly Span[];
}

// An alias may stand for a tree that holds aliases: what is counted is what they unfold to.
const maxNodes = 250_000;
const maxDepth = 64;
const maxFaults = 100;

// The parser's own sentences quote the text, which may be a secret.
const sentences: Readonly<Record<string, string>> = {
  ALIAS_PROPS: 'an alias cannot have a tag or an anchor',
  BAD_ALIAS: 'an alias or anchor without a name, or of a name that is not there',
  BAD_DIRECTIVE: 'an unknown directive',
  BAD_DQ_ESCAPE: 'an unknown escape in a double-quoted text',
  BAD_INDENT: 'the indentation does not fit what is above',
  BAD_SCALAR_START: 'plain text cannot begin with this character: put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a map within one line: two colons, or a missing line break',
  BLOCK_IN_FLOW: 'a block within brackets or braces',
  MISSING_CHAR: 'a closing quote, bracket, colon or comma is missing',
  MULTILINE_IMPLICIT_KEY: 'a key that runs over several lines: a colon is missing',
  MULTIPLE_DOCS: 'more than one document in the file',
  NON_STRING_KEY: 'a key that is not plain text',
  RESOURCE_EXHAUSTION: 'nested too deeply',
  TAB_AS_INDENT: 'tabs cannot indent: use spaces',
  TAG_RESOLVE_FAILED: 'a tag (`!...`) that is not known here',
};

interface Walk {
  /** Anchors met so far, and what each alias stands for: the last anchor of its name before it. */
  readonly anchors: Map<string, unknown>;
  readonly targets: Map<unknown, unknown>;
  readonly faults: Fault[];
  readonly masked: Span[];
  /** Whether `<<` takes over the keys of another map, as compose files have it. */
  readonly merge: boolean;
  nodes: number;
  unfolding: boolean;
}

function spanOf(node: unknown): Span | undefined {
  const range = (node as { range?: [number, number, number] | null } | null | undefined)?.range;
  return range === null || range === undefined ? undefined : { from: range[0], to: Math.max(range[0] + 1, range[1]) };
}

const whole: Span = { from: 0, to: 1 };

function fault(walk: Walk, code: ManifestCode, message: string, span: Span | undefined, path: Path): void {
  if (walk.faults.length < maxFaults) walk.faults.push({ code, message, span: span ?? whole, path });
}

function mapValue(walk: Walk, map: YAMLMap, path: Path, secret: boolean): Record<string, unknown> {
  const out = Object.create(null) as Record<string, unknown>;
  const merged: unknown[] = [];
  for (const pair of map.items as Pair[]) {
    const key = isScalar(pair.key) ? String(pair.key.value ?? '') : String(pair.key);
    const span = spanOf(pair.key);
    const below = [...path, key];
    if (walk.merge && key === '<<') merged.push(plainValue(walk, pair.value, path, secret));
    else if (key === '__proto__') fault(walk, 'manifest.unknown-key', 'a key cannot be called `__proto__`', span, path);
    else if (Object.hasOwn(out, key))
      fault(walk, 'manifest.duplicate-key', `\`${key}\` stands here twice`, span, below);
    else out[key] = plainValue(walk, pair.value, below, secret || isSecretStep(path.length, key));
  }
  takeOver(out, merged.flat());
  return out;
}

/** Adds what `sources` hold and `target` does not; earlier sources win (YAML merge key, 1.1). */
function takeOver(target: Record<string, unknown>, sources: readonly unknown[]): void {
  for (const source of sources) {
    if (typeof source !== 'object' || source === null || Array.isArray(source)) continue;
    for (const [key, value] of Object.entries(source)) if (!Object.hasOwn(target, key)) target[key] = value;
  }
}

const isSwitch = (node: unknown): boolean => isScalar(node) && typeof node.value === 'boolean';

/** The plain value of a node. `secret`: whether it stands where secrets do. */
function plainValue(walk: Walk, node: unknown, path: Path, secret: boolean): unknown {
  const value = spanOf(node);
  if (value !== undefined && secret && !isMap(node) && !isSwitch(node)) walk.masked.push(value);
  if (++walk.nodes > maxNodes || path.length > maxDepth) {
    if (walk.nodes <= maxNodes + 1) fault(walk, 'manifest.too-large', tooDeep, value, []);
    walk.nodes = maxNodes + 1;
    return undefined;
  }
  if (isAlias(node)) return aliasValue(walk, node, path, secret);
  if (isNode(node) && node.anchor !== undefined && !walk.unfolding) walk.anchors.set(node.anchor, node);
  if (isMap(node)) return mapValue(walk, node, path, secret);
  if (isSeq(node)) return node.items.map((item, at) => plainValue(walk, item, [...path, at], secret));
  return isScalar(node) ? node.value : null;
}

function aliasValue(walk: Walk, alias: Alias, path: Path, secret: boolean): unknown {
  // The first meeting is in the order of the text; within what an alias unfolds to, anchors may have moved on.
  if (!walk.targets.has(alias)) walk.targets.set(alias, walk.anchors.get(alias.source));
  const target = walk.targets.get(alias);
  if (target === undefined) {
    fault(walk, 'manifest.syntax', sentences.BAD_ALIAS as string, spanOf(alias), path);
    return undefined;
  }
  const outer = walk.unfolding;
  walk.unfolding = true;
  const value = plainValue(walk, target, path, secret);
  walk.unfolding = outer;
  return value;
}

/** Goes down to `path`. An alias stands where it is used; what lies below it, where it was written. */
function locate(walk: Walk, contents: unknown, path: Path): Located | undefined {
  let node = contents;
  let key: Span | undefined;
  for (const step of path) {
    const parent = isAlias(node) ? walk.targets.get(node) : node;
    const pair = isMap(parent)
      ? (parent.items as Pair[]).find((item) => isScalar(item.key) && String(item.key.value ?? '') === step)
      : undefined;
    const item = isSeq(parent) && typeof step === 'number' ? parent.items[step] : undefined;
    if (pair === undefined && item === undefined) return undefined;
    key = spanOf(pair?.key);
    node = pair === undefined ? item : pair.value;
  }
  const value = spanOf(node);
  return { ...(key === undefined ? {} : { key }), ...(value === undefined ? {} : { value }) };
}

const tooDeep = 'the document is too large, or nested too deeply';

function parseAll(text: string): Document[] | Fault {
  try {
    return [
      ...parseAllDocuments(text, {
        version: '1.2',
        schema: 'core',
        strict: true,
        stringKeys: true,
        uniqueKeys: false,
        resolveKnownTags: false,
        prettyErrors: false,
        logLevel: 'silent',
      }),
    ];
  } catch {
    // Deep nesting exhausts the parser's stack; nothing else of it throws.
    return { code: 'manifest.too-large', message: tooDeep, span: whole };
  }
}

function faultsOf(errors: Document['errors'] | Document['warnings']): Fault[] {
  return errors.slice(0, maxFaults).map(({ code, pos }) => ({
    code: 'manifest.syntax',
    message: sentences[code] ?? 'this is not YAML',
    span: { from: pos[0], to: Math.max(pos[0] + 1, pos[1]) },
  }));
}

function read(document: Document | undefined, faults: Fault[], merge: boolean): YamlText {
  const walk: Walk = { anchors: new Map(), targets: new Map(), faults, masked: [], merge, nodes: 0, unfolding: false };
  const value = document === undefined ? undefined : plainValue(walk, document.contents, [], false);
  return { value, faults, masked: walk.masked, locate: (path) => locate(walk, document?.contents, path) };
}

/** Reads one YAML 1.2 document, strictly. Never throws. */
export function readYaml(text: string): YamlText {
  const documents = parseAll(text);
  if (!Array.isArray(documents)) return read(undefined, [documents], false);
  const [document, second] = documents;
  const faults = document === undefined ? [] : [...faultsOf(document.errors), ...faultsOf(document.warnings)];
  if (second !== undefined)
    faults.push({
      code: 'manifest.syntax',
      message: sentences.MULTIPLE_DOCS as string,
      span: spanOf(second.contents) ?? whole,
    });
  if (document?.directives?.yaml.explicit === true && document.directives.yaml.version !== '1.2')
    faults.push({ code: 'manifest.syntax', message: 'only YAML 1.2 is read here', span: whole });
  return read(document, faults, false);
}

/** Reads each document of a file that others wrote: tags are passed over, merge keys merge. Never throws. */
export function readYamlDocuments(text: string): YamlText[] {
  const documents = parseAll(text);
  if (!Array.isArray(documents)) return [read(undefined, [documents], true)];
  return documents.map((document) => read(document, faultsOf(document.errors), true));
}
