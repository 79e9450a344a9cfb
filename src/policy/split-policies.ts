import type { PolicyClause } from '../api/policy.ts';
import { indexLines, type Place } from './line-index.ts';
import { depthChange, hasTopLevel, splitTopLevel, type Token, tokenize } from './source-tokens.ts';

/** A named text of policies. */
export interface PolicyFile {
  /** As it is to be named in explanations: `policies/orders.cedar`. */
  readonly name: string;
  readonly text: string;
}

/** The text of one policy or template, and its place. */
export interface PolicyText {
  readonly file: string;
  readonly text: string;
  /** UTF-16 offset of `text` in its file. */
  readonly offset: number;
  readonly place: Place;
  readonly clauses: readonly PolicyClause[];
  /** It has a slot, so it is a template. */
  readonly template: boolean;
}

/** Cuts a file at each `;` outside brackets. Says nothing about whether the pieces are Cedar. */
export function splitPolicies(file: PolicyFile): readonly PolicyText[] {
  const tokens = tokenize(file.text);
  const placeOf = indexLines(file.text);
  const texts: PolicyText[] = [];
  let begin = 0;
  let depth = 0;
  tokens.forEach((token, at) => {
    depth += depthChange(token);
    const last = at === tokens.length - 1;
    if (!last && (token.text !== ';' || depth > 0)) return;
    texts.push(policyText(file, tokens.slice(begin, at + 1), placeOf));
    begin = at + 1;
    depth = 0;
  });
  return texts;
}

function policyText(file: PolicyFile, tokens: readonly Token[], placeOf: (offset: number) => Place): PolicyText {
  const offset = (tokens[0] as Token).start;
  const text = file.text.slice(offset, (tokens.at(-1) as Token).end);
  const template = tokens.some(
    (token, at) => token.text === '?' && ['principal', 'resource'].includes(tokens[at + 1]?.text ?? ''),
  );
  return { file: file.name, text, offset, place: placeOf(offset), clauses: clausesOf(file, tokens, placeOf), template };
}

function clausesOf(file: PolicyFile, tokens: readonly Token[], placeOf: (offset: number) => Place): PolicyClause[] {
  const clauses: PolicyClause[] = [];
  let depth = 0;
  let open: { kind: 'when' | 'unless'; at: number } | undefined;
  tokens.forEach((token, at) => {
    depth += depthChange(token);
    if (depth === 0 && (token.text === 'when' || token.text === 'unless')) open = { kind: token.text, at };
    if (depth !== 0 || token.text !== '}' || open === undefined) return;
    const body = tokens.slice(open.at + 2, at);
    const start = (tokens[open.at] as Token).start;
    const text = oneLine(file.text.slice(start, token.end));
    clauses.push({ kind: open.kind, line: placeOf(start).line, text, parts: partsOf(file, open.kind, body, placeOf) });
    open = undefined;
  });
  return clauses;
}

/** The operands that decide alone: of `&&` under `when`, of `||` under `unless`. */
function partsOf(
  file: PolicyFile,
  kind: 'when' | 'unless',
  body: readonly Token[],
  placeOf: (offset: number) => Place,
): PolicyClause['parts'] {
  // `if` swallows what follows it, and `||` binds weaker than `&&`: such a body is one part.
  const whole = hasTopLevel(body, 'if') || (kind === 'when' && hasTopLevel(body, '||'));
  const pieces = whole ? [body] : splitTopLevel(body, kind === 'when' ? '&&' : '||');
  return pieces.flatMap((piece) => {
    const [first, last] = [piece[0], piece.at(-1)];
    if (first === undefined || last === undefined) return [];
    return [{ line: placeOf(first.start).line, text: oneLine(file.text.slice(first.start, last.end)) }];
  });
}

/** Source text on one line, without the comments between. */
function oneLine(source: string): string {
  const tokens = tokenize(source);
  let text = '';
  let end = 0;
  for (const token of tokens) {
    text += (text !== '' && token.start > end ? ' ' : '') + token.text;
    end = token.end;
  }
  return text;
}
