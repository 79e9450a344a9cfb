// Just enough of an executable GraphQL document (October 2021, section 2) to measure it: selections, page sizes, directives.
import { GraphqlFault, Lexer } from './lexer.ts';

/**
 * What an argument says of a page's size, in itself or somewhere within (`page: { first: 100 }`): a number; a variable whose value it is;
 * a variable that may hold one.
 */
export type PageSize = number | { readonly is: string } | { readonly within: string };

export interface Field {
  readonly kind: 'field';
  readonly name: string;
  readonly isAliased: boolean;
  readonly pageSizes: readonly PageSize[];
  readonly selections: readonly Selection[];
}

export type Selection =
  | Field
  | { readonly kind: 'spread'; readonly fragment: string }
  | { readonly kind: 'inline'; readonly selections: readonly Selection[] };

export interface OperationDefinition {
  readonly type: 'query' | 'mutation' | 'subscription';
  readonly name: string | undefined;
  /** Default values of variables, as far as they may be page sizes: the number, and those that are named as such within. */
  readonly defaults: ReadonlyMap<string, { readonly value: number | undefined; readonly within: readonly number[] }>;
  readonly selections: readonly Selection[];
}

export interface GraphqlDocument {
  readonly operations: readonly OperationDefinition[];
  readonly fragments: ReadonlyMap<string, readonly Selection[]>;
  readonly directives: number;
}

/** What arguments, and members of input objects, are called that say how many of something are wanted. */
export const pageSizeNames: ReadonlySet<string> = new Set([
  'first',
  'last',
  'limit',
  'take',
  'pageSize',
  'perPage',
  'per_page',
  'page_size',
  'itemsPerPage',
  'maxResults',
  'size',
  'top',
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

  #variables(): OperationDefinition['defaults'] {
    const defaults = new Map<string, { value: number | undefined; within: number[] }>();
    if (!this.#tryTake('(')) return defaults;
    while (!this.#tryTake(')')) {
      this.#expect('$');
      const name = this.#name();
      this.#expect(':');
      this.#skipType();
      if (this.#tryTake('=')) {
        const within: PageSize[] = [];
        const value = this.#value(within);
        const numbers = within.filter((size) => typeof size === 'number');
        defaults.set(name, { value: typeof value === 'number' ? value : undefined, within: numbers });
      }
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

  /** The page sizes among the arguments, and within them. */
  #arguments(): readonly PageSize[] {
    const sizes: PageSize[] = [];
    if (!this.#tryTake('(')) return sizes;
    while (!this.#tryTake(')')) this.#member(sizes);
    return sizes;
  }

  #skipDirectives(): void {
    while (this.#tryTake('@')) {
      this.#directives++;
      this.#name();
      this.#arguments();
    }
  }

  /** A value: the number, or the variable, where it is one. What it holds of page sizes is added to `sizes`. */
  #value(sizes: PageSize[]): number | { readonly is: string } | undefined {
    return this.#nested(() => {
      const token = this.#lexer.take();
      if (token.kind === 'number') return Number(token.text);
      if (token.text === '$') return { is: this.#name() };
      if (token.text === '[') while (!this.#tryTake(']')) this.#element(sizes);
      else if (token.text === '{') while (!this.#tryTake('}')) this.#member(sizes);
      else if (token.kind !== 'string' && token.kind !== 'name') throw new GraphqlFault('holds a malformed value');
      return undefined;
    });
  }

  #element(sizes: PageSize[]): void {
    const value = this.#value(sizes);
    if (typeof value === 'object') sizes.push({ within: value.is });
  }

  /** An argument, or a member of an input object. */
  #member(sizes: PageSize[]): void {
    const name = this.#name();
    this.#expect(':');
    const value = this.#value(sizes);
    if (value === undefined) return;
    if (pageSizeNames.has(name)) sizes.push(value);
    else if (typeof value === 'object') sizes.push({ within: value.is });
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
