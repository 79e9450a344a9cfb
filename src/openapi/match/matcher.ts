import type { Operation } from '../../api/openapi.ts';
import type { MatchResult } from '../api-validator.ts';
import { parseTemplate, type TemplateSegment } from './template.ts';

/** What ends at a node: the operations of one path template. */
interface Leaf {
  readonly byMethod: Map<string, Target>;
  allow: readonly string[];
}

interface Target {
  readonly operation: Operation;
  /** Of the path parameters, in order. */
  readonly names: readonly string[];
}

interface Node {
  readonly statics: Map<string, Node>;
  /** Segments with literals and parameters mixed, those with more literal text first. */
  mixed: { readonly segment: TemplateSegment; readonly node: Node }[];
  parameter: Node | undefined;
  leaf: Leaf | undefined;
}

const noPath: MatchResult = { kind: 'no-path' };

function createNode(): Node {
  return { statics: new Map(), mixed: [], parameter: undefined, leaf: undefined };
}

/**
 * A function that finds an operation by method and path. A concrete segment wins over one with parameters (OpenAPI
 * 3.1.1, section 4.8.8.2), segment by segment; a path whose method is missing does not fall through to a vaguer path.
 */
export function compileMatcher(
  operations: readonly Operation[],
  basePaths: readonly string[],
): (method: string, path: string) => MatchResult {
  const root = createNode();
  for (const operation of operations) for (const base of basePaths) insert(root, base, operation);
  return (method, path) => {
    const raw: string[] = [];
    const leaf = path.startsWith('/') ? find(root, path, 1, raw) : undefined;
    return leaf === undefined ? noPath : resultOf(leaf, method, raw);
  };
}

function insert(root: Node, base: string, operation: Operation): void {
  const template = parseTemplate(base + operation.template);
  if ('fault' in template) throw new TypeError(`the template ${template.fault}`);
  let node = root;
  for (const segment of template.segments) node = childOf(node, segment);
  node.leaf ??= { byMethod: new Map(), allow: [] };
  node.leaf.byMethod.set(operation.method, { operation, names: template.names });
  node.leaf.allow = allowedMethods(node.leaf);
}

/** Whoever declares GET answers HEAD too (RFC 9110, section 9.1). */
function allowedMethods({ byMethod }: Leaf): readonly string[] {
  const methods = new Set(byMethod.keys());
  if (methods.has('GET')) methods.add('HEAD');
  return [...methods].sort();
}

function childOf(node: Node, segment: TemplateSegment): Node {
  const [first = '', ...rest] = segment.literals;
  if (rest.length === 0) {
    const child = node.statics.get(first) ?? createNode();
    node.statics.set(first, child);
    return child;
  }
  if (segment.literals.every((literal) => literal === '')) return (node.parameter ??= createNode());
  const shape = segment.literals.join('{}');
  const known = node.mixed.find((other) => other.segment.literals.join('{}') === shape);
  if (known !== undefined) return known.node;
  const child = { segment, node: createNode() };
  node.mixed = [...node.mixed, child].sort((a, b) => literalLength(b.segment) - literalLength(a.segment));
  return child.node;
}

function literalLength(segment: TemplateSegment): number {
  return segment.literals.join('').length;
}

// Each node is visited at most once for a path: the tree, not the request, bounds the work.
function find(node: Node, path: string, start: number, raw: string[]): Leaf | undefined {
  const slash = path.indexOf('/', start);
  const end = slash === -1 ? path.length : slash;
  const text = path.slice(start, end);
  const next = slash === -1 ? -1 : slash + 1;
  const child = node.statics.get(text);
  const exact = child && descend(child, path, next, raw);
  if (exact !== undefined || text === '') return exact;
  const mark = raw.length;
  for (const { segment, node: target } of node.mixed) {
    const leaf = matchSegment(segment.literals, text, raw) ? descend(target, path, next, raw) : undefined;
    if (leaf !== undefined) return leaf;
    raw.length = mark;
  }
  if (node.parameter === undefined) return undefined;
  raw.push(text);
  const leaf = descend(node.parameter, path, next, raw);
  if (leaf === undefined) raw.length = mark;
  return leaf;
}

function descend(node: Node, path: string, next: number, raw: string[]): Leaf | undefined {
  return next === -1 ? node.leaf : find(node, path, next, raw);
}

/** Pushes what stands between `literals` in `text`; each gap takes the least it can, and at least one character. */
function matchSegment(literals: readonly string[], text: string, raw: string[]): boolean {
  const last = literals.length - 1;
  const first = literals[0] as string;
  const tail = literals[last] as string;
  const limit = text.length - tail.length;
  if (!text.startsWith(first) || limit < first.length || !text.endsWith(tail)) return false;
  let start = first.length;
  for (let index = 1; index <= last; index++) {
    const end = index === last ? limit : text.indexOf(literals[index] as string, start + 1);
    if (end <= start || end > limit) return false;
    raw.push(text.slice(start, end));
    start = end + (literals[index] as string).length;
  }
  return true;
}

function resultOf(leaf: Leaf, method: string, raw: readonly string[]): MatchResult {
  const target = leaf.byMethod.get(method) ?? (method === 'HEAD' ? leaf.byMethod.get('GET') : undefined);
  if (target === undefined) return { kind: 'no-method', allow: leaf.allow };
  const { operation, names } = target;
  const params: Record<string, string> = Object.create(null);
  for (let index = 0; index < names.length; index++) {
    const decoded = tryDecode(raw[index] as string);
    if (decoded === undefined) return noPath;
    params[names[index] as string] = decoded;
  }
  return { kind: 'match', operation, params, rawParams: raw };
}

function tryDecode(text: string): string | undefined {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
