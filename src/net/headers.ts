import { NetError } from './errors.ts';
import { isFieldValue, isToken } from './grammar.ts';

/** Names in lower case, values as they stand on the wire (one character a byte, ISO 8859-1). */
export type HeaderRecord = Readonly<Record<string, string | readonly string[]>>;

/** The fields of a section as they were read, and what was made of them: kept for messages that repeat it. */
export interface FieldSection {
  readonly pairs: readonly string[];
  /** Field lines as they are written to the next hop. */
  lines: string | undefined;
  /** The whole head that was last made with them. */
  made: MadeHead | undefined;
}

/** What a head says besides its fields. */
export interface HeadParts {
  /** Of a request: its method. Of a response: its status line with the CRLF. */
  readonly start: string;
  /** Of a request. */
  readonly path: string | undefined;
  readonly query: string | undefined;
  /** Field lines that the engine adds. */
  readonly end: string;
}

/** A head as it was written. */
export interface MadeHead {
  readonly parts: HeadParts;
  text: string;
  isFlat: boolean;
}

/**
 * Header fields in the order they came, duplicates kept. Names are lower case. Lookup is a linear scan: messages hold
 * a dozen fields, and interned names compare by pointer. All that gets in is checked, so what comes out can be
 * written to a socket as it is.
 */
export class Headers {
  /** Name, value, name, value. Only the parser and the serialiser touch it. */
  readonly pairs: string[];
  /** The section that these are the fields of, as long as nobody has changed them. */
  section: FieldSection | undefined;

  constructor(pairs: string[] = []) {
    this.pairs = pairs;
  }

  /** The fields of `section`, to be edited alone. */
  static of(section: FieldSection): Headers {
    const headers = new Headers(section.pairs.slice());
    headers.section = section;
    return headers;
  }

  /** Header fields from a record. Throws `net.bad-field`. */
  static from(record: HeaderRecord): Headers {
    const headers = new Headers();
    for (const name of Object.keys(record)) {
      const value = record[name] as string | readonly string[];
      if (typeof value === 'string') headers.append(name, value);
      else for (const each of value) headers.append(name, each);
    }
    return headers;
  }

  /** How many field lines there are. */
  get size(): number {
    return this.pairs.length >> 1;
  }

  /** The first value of `name`, or undefined. */
  get(name: string): string | undefined {
    const { pairs } = this;
    for (let at = 0; at < pairs.length; at += 2) if (pairs[at] === name) return pairs[at + 1];
    return undefined;
  }

  /** All values of `name`, in order. */
  getAll(name: string): string[] {
    const { pairs } = this;
    const values: string[] = [];
    for (let at = 0; at < pairs.length; at += 2) if (pairs[at] === name) values.push(pairs[at + 1] as string);
    return values;
  }

  has(name: string): boolean {
    const { pairs } = this;
    for (let at = 0; at < pairs.length; at += 2) if (pairs[at] === name) return true;
    return false;
  }

  /** How many field lines carry `name`. */
  count(name: string): number {
    const { pairs } = this;
    let count = 0;
    for (let at = 0; at < pairs.length; at += 2) if (pairs[at] === name) count++;
    return count;
  }

  /** Replaces every field `name` by one. Throws `net.bad-field` where `name` or `value` could not stand on the wire. */
  set(name: string, value: string): this {
    checkField(name, value);
    this.section = undefined;
    const { pairs } = this;
    for (let at = 0; at < pairs.length; at += 2) {
      if (pairs[at] !== name) continue;
      pairs[at + 1] = value;
      this.#remove(name, at + 2);
      return this;
    }
    pairs.push(name, value);
    return this;
  }

  /** Adds a field line. Throws `net.bad-field`. */
  append(name: string, value: string): this {
    checkField(name, value);
    this.section = undefined;
    this.pairs.push(name, value);
    return this;
  }

  /** As `append`, unchecked: for constants of ours, and values that were checked when they were made. */
  add(name: string, value: string): void {
    this.section = undefined;
    this.pairs.push(name, value);
  }

  /** As `add`, of names and values in turn. */
  addAll(pairs: readonly string[]): void {
    this.section = undefined;
    for (let at = 0; at < pairs.length; at++) this.pairs.push(pairs[at] as string);
  }

  /** As `set`, unchecked like `add`. */
  put(name: string, value: string): void {
    if (this.has(name)) this.#remove(name, 0);
    this.add(name, value);
  }

  /** Removes every field `name`. */
  delete(name: string): this {
    this.#remove(name, 0);
    return this;
  }

  /** Removes, in one pass, every field whose name `drops` takes. */
  prune(drops: (name: string) => boolean): void {
    const { pairs } = this;
    let kept = 0;
    for (let at = 0; at < pairs.length; at += 2) {
      const name = pairs[at] as string;
      if (drops(name)) continue;
      pairs[kept] = name;
      pairs[kept + 1] = pairs[at + 1] as string;
      kept += 2;
    }
    this.#cut(kept);
  }

  /** Every field line, in order. */
  *entries(): IterableIterator<[name: string, value: string]> {
    const { pairs } = this;
    for (let at = 0; at < pairs.length; at += 2) yield [pairs[at] as string, pairs[at + 1] as string];
  }

  [Symbol.iterator](): IterableIterator<[name: string, value: string]> {
    return this.entries();
  }

  /** A copy, to be edited alone, without the fields whose names `drops` takes. */
  without(drops: (name: string) => boolean): Headers {
    const { pairs } = this;
    const kept: string[] = [];
    for (let at = 0; at < pairs.length; at += 2) {
      const name = pairs[at] as string;
      if (!drops(name)) kept.push(name, pairs[at + 1] as string);
    }
    return new Headers(kept);
  }

  /** A copy that can be edited alone. */
  clone(): Headers {
    return new Headers(this.pairs.slice());
  }

  #remove(name: string, from: number): void {
    const { pairs } = this;
    let kept = from;
    for (let at = from; at < pairs.length; at += 2) {
      if (pairs[at] === name) continue;
      if (kept !== at) {
        pairs[kept] = pairs[at] as string;
        pairs[kept + 1] = pairs[at + 1] as string;
      }
      kept += 2;
    }
    this.#cut(kept);
  }

  /** Keeps the first entries of `pairs`. Setting the length would take the slow way. */
  #cut(kept: number): void {
    const { pairs } = this;
    if (kept < pairs.length) this.section = undefined;
    while (pairs.length > kept) pairs.pop();
  }
}

function checkField(name: string, value: string): void {
  if (!isToken(name) || name !== name.toLowerCase()) {
    throw new NetError('net.bad-field', 500, `\`${name}\` is not a header field name in lower case`);
  }
  // The value stays out of the message: it may be a secret.
  if (!isFieldValue(value))
    throw new NetError('net.bad-field', 500, `the value of the header field \`${name}\` is not allowed`);
}
