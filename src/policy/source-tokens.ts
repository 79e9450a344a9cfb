/** A token of Cedar text: its place, and what it is in the only respects that splitting a file needs. */
export interface Token {
  readonly text: string;
  /** UTF-16 offsets. */
  readonly start: number;
  readonly end: number;
}

// Sticky, and each alternative starts with another character, so a token is found in one pass.
const token = /\s+|\/\/[^\n]*|"(?:[^"\\]|\\[\s\S])*"|[A-Za-z_][A-Za-z0-9_]*|\d+|&&|\|\||::|==|!=|<=|>=|[\s\S]/gy;

/** The tokens of Cedar text without white space and comments. What is no Cedar comes as single characters. */
export function tokenize(source: string): readonly Token[] {
  const tokens: Token[] = [];
  for (const match of source.matchAll(token)) {
    const text = match[0];
    if (/^\s/.test(text) || text.startsWith('//')) continue;
    tokens.push({ text, start: match.index, end: match.index + text.length });
  }
  return tokens;
}

const closers: ReadonlyMap<string, number> = new Map([
  ['(', 1],
  ['[', 1],
  ['{', 1],
  [')', -1],
  [']', -1],
  ['}', -1],
]);

/** By how much `token` changes the depth of brackets. */
export function depthChange(token: Token): number {
  return closers.get(token.text) ?? 0;
}

/** `tokens` cut after each one that stands outside brackets and is `separator`; the separator is left out. */
export function splitTopLevel(tokens: readonly Token[], separator: string): readonly (readonly Token[])[] {
  const pieces: Token[][] = [[]];
  let depth = 0;
  for (const each of tokens) {
    depth += depthChange(each);
    if (depth === 0 && each.text === separator) pieces.push([]);
    else (pieces.at(-1) as Token[]).push(each);
  }
  return pieces;
}

/** Whether a token `text` stands outside brackets. */
export function hasTopLevel(tokens: readonly Token[], text: string): boolean {
  let depth = 0;
  return tokens.some((each) => {
    depth += depthChange(each);
    return depth === 0 && each.text === text;
  });
}
