// The lexical grammar of GraphQL (October 2021, section 2.1), for executable documents.

export type TokenKind = 'punctuator' | 'name' | 'number' | 'string' | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** The text as written; of a string only its place matters, so it is empty. */
  readonly text: string;
}

/** A document that is not GraphQL, or holds too much; the end of a sentence. */
export class GraphqlFault extends Error {}

const name = /[_A-Za-z][_0-9A-Za-z]*/y;
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const ignored = /(?:[\ufeff\t\n\r ,]|#[^\n\r]*)+/y;
const end: Token = { kind: 'end', text: '' };

/** Reads tokens one by one, at most `maxTokens`. */
export class Lexer {
  readonly #source: string;
  #at = 0;
  #left: number;
  #next: Token;

  constructor(source: string, maxTokens: number) {
    this.#source = source;
    this.#left = maxTokens;
    this.#next = this.#read();
  }

  /** The token that comes next. */
  get next(): Token {
    return this.#next;
  }

  /** The token that comes next, taken. */
  take(): Token {
    const token = this.#next;
    this.#next = this.#read();
    return token;
  }

  #read(): Token {
    this.#match(ignored);
    if (this.#at >= this.#source.length) return end;
    if (--this.#left < 0) throw new GraphqlFault('holds too many tokens');
    const char = this.#source[this.#at] as string;
    if (char === '"') return this.#string();
    if (this.#source.startsWith('...', this.#at)) return this.#punctuator('...');
    if ('!$&()[]{}:=@|'.includes(char)) return this.#punctuator(char);
    const named = this.#match(name);
    if (named !== undefined) return { kind: 'name', text: named };
    const digits = this.#match(number);
    if (digits === undefined) throw new GraphqlFault('holds a character that GraphQL does not have');
    return { kind: 'number', text: digits };
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const [text] = pattern.exec(this.#source) ?? [];
    if (text !== undefined) this.#at += text.length;
    return text;
  }

  #punctuator(text: string): Token {
    this.#at += text.length;
    return { kind: 'punctuator', text };
  }

  #string(): Token {
    if (this.#source.startsWith('"""', this.#at)) return this.#blockString();
    for (let at = this.#at + 1; at < this.#source.length; at++) {
      const char = this.#source[at];
      if (char === '\n' || char === '\r') break;
      if (char === '\\') at++;
      else if (char === '"') {
        this.#at = at + 1;
        return { kind: 'string', text: '' };
      }
    }
    throw new GraphqlFault('holds a string that is not closed');
  }

  #blockString(): Token {
    let close = this.#source.indexOf('"""', this.#at + 3);
    while (close !== -1 && this.#source[close - 1] === '\\') close = this.#source.indexOf('"""', close + 1);
    if (close === -1) throw new GraphqlFault('holds a string that is not closed');
    this.#at = close + 3;
    return { kind: 'string', text: '' };
  }
}
