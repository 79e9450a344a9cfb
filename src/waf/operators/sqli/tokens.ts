import { isSpace } from '../../transformations/bytes.ts';
import { dangerousFunctions, functions, wordTypes } from './words.ts';

// The lexical half of the method that Nick Galbreath published with libinjection (Black Hat USA 2012): read a value the
// way a database would, keep only what kind each token is of, and judge the sequence. Words, kinds and judgement are our own.

/**
 * Kinds: `s` string, `1` number, `v` variable, `n` name, `f` function, `D` dangerous function, `E` select, `U` union, `F` from, `B` group
 * or order by and the like, `k` other keyword, `T` statement, `&` logic, `o` operator, `=` comparison, `c` comment, `X` executable comment, and the
 * punctuation `( ) , ; . { }` as itself.
 */
export interface Token {
  readonly kind: string;
  /** In lower case; empty for what is no word. */
  readonly word: string;
}

/** What the value is put into: nothing, or a string that it may break out of. */
export type QuoteContext = '' | "'" | '"';

const maxTokens = 64;
const maxExpression = 2048;
const mostRepeated = 8;

interface Lexer {
  readonly text: string;
  at: number;
  readonly tokens: Token[];
}

const push = (lexer: Lexer, kind: string, end: number, word = ''): void => {
  if (!signs.includes(kind) || !isRepeated(lexer, kind)) lexer.tokens.push({ kind, word });
  lexer.at = end;
};

const signs = '()o=&,';

/** However many signs of a kind stand in a row, they mean no more than a few. */
function isRepeated({ tokens }: Lexer, sign: string): boolean {
  for (let back = 1; back <= mostRepeated; back += 1) if (tokens.at(-back)?.kind !== sign) return false;
  return true;
}

/** Index past a string that `quote` closes; a doubled or escaped quote is part of it. */
function stringEnd(text: string, from: number, quote: string): number {
  for (let at = from; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === '\\') at += 1;
    else if (character === quote) {
      if (text.charAt(at + 1) !== quote) return at + 1;
      at += 1;
    }
  }
  return text.length;
}

/** In a string that the value did not open, a doubled quote may end one and open the next. */
function contextEnd(text: string, quote: string): number {
  for (let at = 0; at < text.length; at += 1) {
    if (text.charAt(at) === '\\') at += 1;
    else if (text.charAt(at) === quote) return at + 1;
  }
  return text.length;
}

function pastSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && isSpace(text.charCodeAt(at))) at += 1;
  return at;
}

function readComment(lexer: Lexer): boolean {
  const { text, at } = lexer;
  if (text.startsWith('/*', at)) {
    if (/^\/\*(?:!|\+)/.test(text.slice(at, at + 3))) {
      push(lexer, 'X', at + 3);
      return true;
    }
    const close = text.indexOf('*/', at + 2);
    if (close < 0) push(lexer, 'c', text.length);
    else lexer.at = close + 2;
    return true;
  }
  const isComment = text.startsWith('--', at) || text.charAt(at) === '#';
  if (!isComment) return false;
  const feed = text.indexOf('\n', at);
  if (feed < 0 || pastSpace(text, feed) === text.length) push(lexer, 'c', text.length);
  else lexer.at = feed + 1;
  return true;
}

const wordForm = /[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*(?:\.[A-Za-z_][A-Za-z0-9_$]*){0,4}/y;
const numberForm = /(?:0[xX][0-9A-Fa-f]+|0[bB][01]+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)/y;
const variableForm = /@@?(?:`[^`]{0,64}`|[A-Za-z0-9_.$]*)/y;
const comparisonForm = /(?:<=>|<>|!=|<=|>=|:=|=|<|>|~\*|!~\*?|~)/y;
const operatorForm = /(?:\|\||&&|::|[+\-*/%^|&!])/y;

function match(form: RegExp, lexer: Lexer): number {
  form.lastIndex = lexer.at;
  return form.test(lexer.text) ? form.lastIndex : -1;
}

function wordKind(lexer: Lexer, word: string, end: number): string {
  const calls = lexer.text.charAt(pastSpace(lexer.text, end)) === '(';
  // `->name(...)` is a method of some program.
  if (dangerousFunctions.has(word)) return calls && !lexer.text.startsWith('->', lexer.at - 2) ? 'D' : 'n';
  const known = wordTypes.get(word);
  if (calls && functions.has(word)) return 'f';
  return known ?? 'n';
}

function readWord(lexer: Lexer): boolean {
  const end = match(wordForm, lexer);
  if (end < 0) return false;
  const word = lexer.text.slice(lexer.at, end).toLowerCase();
  const quote = lexer.text.charAt(end);
  // N'text', x'41', _utf8'text' are strings.
  if ((quote === "'" || quote === '"') && /^(?:[nxbeq]|u&|_[a-z0-9]+)$/.test(word))
    push(lexer, 's', stringEnd(lexer.text, end + 1, quote));
  else push(lexer, wordKind(lexer, word, end), end, word);
  return true;
}

const isLetter = (code: number): boolean => (code | 32) >= 97 && (code | 32) <= 122;

function readOne(lexer: Lexer): void {
  const { text, at } = lexer;
  if (isLetter(text.charCodeAt(at)) && readWord(lexer)) return;
  const character = text.charAt(at);
  if (character === "'" || character === '"') return push(lexer, 's', stringEnd(text, at + 1, character));
  if (character === '`') return push(lexer, 'n', stringEnd(text, at + 1, '`'));
  if (readComment(lexer)) return;
  const number = match(numberForm, lexer);
  if (number >= 0) return push(lexer, '1', number);
  if (readWord(lexer)) return;
  const variable = character === '@' ? match(variableForm, lexer) : -1;
  if (variable >= 0) return push(lexer, 'v', variable);
  const comparison = match(comparisonForm, lexer);
  if (comparison >= 0) return push(lexer, '=', comparison);
  const operator = match(operatorForm, lexer);
  if (operator >= 0) return push(lexer, /^(?:\|\||&&)$/.test(text.slice(at, operator)) ? '&' : 'o', operator);
  push(lexer, '(),;.{}'.includes(character) ? character : '?', at + 1);
}

/** Values and what joins them: what an attacker may put before an injection at will (`1+1+1+1 ...`), and hardly anyone else. */
const expression = /^(?:[1sv&o=(),BfDk]|n(?!n))+$/;

const isExpression = (tokens: readonly Token[]): boolean => expression.test(tokens.map(({ kind }) => kind).join(''));

/** Reads at most 64 tokens; 2,048 of what reads as an expression from its beginning. */
export function tokenise(text: string, context: QuoteContext): Token[] {
  const lexer: Lexer = { text, at: 0, tokens: [] };
  if (context !== '') push(lexer, 's', contextEnd(text, context));
  let most = maxTokens;
  while (lexer.at < text.length) {
    if (lexer.tokens.length >= most) {
      if (most === maxExpression || !isExpression(lexer.tokens)) break;
      most = maxExpression;
    }
    const code = text.charCodeAt(lexer.at);
    if (isSpace(code) || code === 0 || code === 0xa0) lexer.at += 1;
    else readOne(lexer);
  }
  return lexer.tokens;
}
