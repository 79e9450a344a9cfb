// Just enough of an executable GraphQL document (October 2021, section 2) to measure it: selections, page sizes, directives.
import { GraphqlFault, Lexer } from './lexer.ts';

export interface Field {
  readonly kind: 'field';
  readonly name: string;
  readonly isAliased: boolean;
  /** What its page size arguments say, as numbers or as names of variables. */
  readonly pageSizes: readonly (number | string)[];
  readonly selections: readonly Selection[];
}

export type Selection =
  | Field
  | { readonly kind: 'spread'; readonly fragment: string }
  | { readonly kind: 'inline'; readonly selections: readonly Selection[] };

export interface OperationDefinition {
  readonly type: 'query' | 'mutation' | 'subscription';
  readonly name: string | undefined;
  /** Default values of variables that are whole numbers. */
  readonly defaults: ReadonlyMap<string, number>;
  readonly selections: readonly Selection[];
}

export interface GraphqlDocument {
  readonly operations: readonly OperationDefinition[];
  readonly fragments: ReadonlyMap<string, readonly Selection[]>;
  readonly directives: number;
}

const pageSizeArguments: ReadonlySet<string> = new Set([
  'first',
  'last',
  'limit',
  'take',
  'pageSize',
  'perPage',
  'per_page',
  'count',
]);
// Nesting that only costs stack; far beyond any allowed depth.
const deepest = 200;
const maxFragments = 200;

/** Parses `source`. Throws `GraphqlFault`. */
export function parseGraphql(source: string, maxTokens: number): GraphqlDocument {
  return new DocumentReader(new Lexer(source, maxTokens)).document();
}

class DocumentReader {
  readonly #lexer: Lexer;
  #directives = 0;
  #depth = 0;

  constructor(lexer: Lexer) {
    this.#lexer = lexer;
  }

  document(): GraphqlDocument {
    const operations: OperationDefinition[] = [];
    const fragments = new Map<string, readonly Selection[]>();
    while (this.#lexer.next.kind !== 'end') {
      if (this.#lexer.next.text === 'fragment') {
        const [name, selections] = this.#fragment();
        if (fragments.has(name)) throw new GraphqlFault('defines a fragment twice');
        if (fragments.size >= maxFragments) throw new GraphqlFault(`defines more than ${maxFragments} fragments`);
        fragments.set(name, selections);
      } else operations.push(this.#operation());
    }
    if (operations.length === 0) throw new GraphqlFault('holds no operation');
    return { operations, fragments, directives: this.#directives };
  }

  #operation(): OperationDefinition {
    if (this.#lexer.next.text === '{')
      return { type: 'query', name: undefined, defaults: new Map(), selections: this.#selections() };
    const type = this.#name();
    if (type !== 'query' && type !== 'mutation' && type !== 'subscription')
      throw new GraphqlFault('holds a definition that cannot be executed');
    const name = this.#lexer.next.kind === 'name' ? this.#name() : undefined;
    const defaults = this.#variables();
    this.#skipDirectives();
    return { type, name, defaults, selections: this.#selections() };
  }

  #fragment(): [string, readonly Selection[]] {
    this.#name();
    const name = this.#name();
    if (name === 'on' || this.#name() !== 'on') throw new GraphqlFault('holds a malformed fragment');
    this.#name();
    this.#skipDirectives();
    return [name, this.#selections()];
  }

  #variables(): ReadonlyMap<string, number> {
    const defaults = new Map<string, number>();
    if (!this.#tryTake('(')) return defaults;
    while (!this.#tryTake(')')) {
      this.#expect('$');
      const name = this.#name();
      this.#expect(':');
      this.#skipType();
      const value = this.#tryTake('=') ? this.#value() : undefined;
      if (typeof value === 'number') defaults.set(name, value);
      this.#skipDirectives();
    }
    return defaults;
  }

  #skipType(): void {
    this.#nested(() => {
      if (this.#tryTake('[')) {
        this.#skipType();
        this.#expect(']');
      } else this.#name();
      this.#tryTake('!');
    });
  }

  #selections(): readonly Selection[] {
    return this.#nested(() => {
      this.#expect('{');
      const list: Selection[] = [];
      while (!this.#tryTake('}')) list.push(this.#selection());
      if (list.length === 0) throw new GraphqlFault('holds an empty selection');
      return list;
    });
  }

  #selection(): Selection {
    if (this.#tryTake('...')) return this.#spread();
    const first = this.#name();
    const isAliased = this.#tryTake(':');
    const name = isAliased ? this.#name() : first;
    const pageSizes = this.#arguments();
    this.#skipDirectives();
    return {
      kind: 'field',
      name,
      isAliased,
      pageSizes,
      selections: this.#lexer.next.text === '{' ? this.#selections() : [],
    };
  }

  #spread(): Selection {
    if (this.#lexer.next.kind === 'name' && this.#lexer.next.text !== 'on') {
      const fragment = this.#name();
      this.#skipDirectives();
      return { kind: 'spread', fragment };
    }
    if (this.#lexer.next.text === 'on') {
      this.#name();
      this.#name();
    }
    this.#skipDirectives();
    return { kind: 'inline', selections: this.#selections() };
  }

  /** The page sizes among the arguments. */
  #arguments(): readonly (number | string)[] {
    const sizes: (number | string)[] = [];
    if (!this.#tryTake('(')) return sizes;
    while (!this.#tryTake(')')) {
      const name = this.#name();
      this.#expect(':');
      const value = this.#value();
      if (value !== undefined && pageSizeArguments.has(name)) sizes.push(value);
    }
    return sizes;
  }

  #skipDirectives(): void {
    while (this.#tryTake('@')) {
      this.#directives++;
      this.#name();
      this.#arguments();
    }
  }

  /** A value: the number, or the name of the variable, where it is one. */
  #value(): number | string | undefined {
    return this.#nested(() => {
      const token = this.#lexer.take();
      if (token.kind === 'number') return Number(token.text);
      if (token.text === '$') return this.#name();
      if (token.text === '[') while (!this.#tryTake(']')) this.#value();
      else if (token.text === '{') while (!this.#tryTake('}')) this.#member();
      else if (token.kind !== 'string' && token.kind !== 'name') throw new GraphqlFault('holds a malformed value');
      return undefined;
    });
  }

  #member(): void {
    this.#name();
    this.#expect(':');
    this.#value();
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > deepest) throw new GraphqlFault(`nests deeper than ${deepest}`);
    const result = read();
    this.#depth--;
    return result;
  }

  #name(): string {
    const token = this.#lexer.take();
    if (token.kind !== 'name') throw new GraphqlFault('lacks a name where one must be');
    return token.text;
  }

  #tryTake(text: string): boolean {
    const { next } = this.#lexer;
    if (next.kind === 'end') throwAtEnd(text);
    if (next.kind !== 'punctuator' || next.text !== text) return false;
    this.#lexer.take();
    return true;
  }

  #expect(text: string): void {
    if (!this.#tryTake(text)) throw new GraphqlFault(`lacks a \`${text}\``);
  }
}

/** Only what closes something is missed at the end of a document. */
function throwAtEnd(text: string): void {
  if (')]}'.includes(text)) throw new GraphqlFault('ends too early');
}
