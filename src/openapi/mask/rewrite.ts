/** Where a value stands, as far as masking is concerned. */
export interface MaskPlace {
  /** Whether the value here must not be shown. */
  readonly isMasked: boolean;
  /** The place of a member of the object here. */
  property(name: string): MaskPlace;
  /** The place of an element of the array here. */
  element(): MaskPlace;
}

/** JSON with some of its values replaced. */
export interface MaskedJson {
  readonly text: string;
  /** How many values were replaced: what looks masked already is left. */
  readonly count: number;
  /** How many values stand where something is masked, null aside. */
  readonly found: number;
}

/** Containers in each other, at most. */
export const deepest = 200;
// What a text may hold without an escape.
const plain = /[^"\\\u0000-\u001f]*/y;
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

/**
 * Replaces masked values in JSON text and leaves every other byte as it is: numbers beyond a double keep their digits, keys
 * their order, and of a key that stands twice both are masked. A masked text becomes `***`, with its last
 * `keepLast` characters where it is long enough to keep the rest secret; anything else becomes null. Undefined
 * where `text` is not JSON: what cannot be read in full cannot be masked. `many`: several values, as in JSON lines.
 */
export function maskJson(text: string, root: MaskPlace, keepLast: number, many: boolean): MaskedJson | undefined {
  const rewriter = new Rewriter(text, keepLast);
  try {
    return rewriter.run(root, many);
  } catch (error) {
    if (error instanceof NotJson) return undefined;
    throw error;
  }
}

/** The text is no JSON, nests too deep or has too long a key: what cannot be read cannot be masked. */
export class NotJson extends Error {}

class Rewriter {
  readonly #text: string;
  readonly #keepLast: number;
  #at = 0;
  #depth = 0;
  /** Up to here the text has been copied. */
  #copied = 0;
  #out = '';
  #count = 0;
  #found = 0;

  constructor(text: string, keepLast: number) {
    this.#text = text;
    this.#keepLast = keepLast;
  }

  run(root: MaskPlace, many: boolean): MaskedJson {
    this.#space();
    do {
      this.#value(root);
      this.#space();
    } while (many && this.#at < this.#text.length);
    if (this.#at < this.#text.length) throw new NotJson();
    const text = this.#count === 0 ? this.#text : this.#out + this.#text.slice(this.#copied);
    return { text, count: this.#count, found: this.#found };
  }

  #value(place: MaskPlace): void {
    const start = this.#at;
    const first = this.#text.charCodeAt(start);
    if (first === 0x7b) this.#object(place);
    else if (first === 0x5b) this.#array(place);
    else if (first === 0x22) this.#string();
    else if (first === 0x74) this.#word('true');
    else if (first === 0x66) this.#word('false');
    else if (first === 0x6e) return this.#word('null');
    else this.#number();
    if (place.isMasked) this.#replace(start, first === 0x22);
  }

  /** Writes something else for what was just read, and forgets what was replaced within it. */
  #replace(start: number, isText: boolean): void {
    this.#found++;
    const hidden = isText ? this.#hidden(start) : 'null';
    if (hidden === this.#text.slice(start, this.#at)) return;
    this.#count++;
    this.#out += this.#text.slice(this.#copied, start) + hidden;
    this.#copied = this.#at;
  }

  #hidden(start: number): string {
    if (this.#keepLast === 0) return '"***"';
    const value = JSON.parse(this.#text.slice(start, this.#at)) as string;
    return JSON.stringify(value.length >= this.#keepLast * 3 ? `***${value.slice(-this.#keepLast)}` : '***');
  }

  #object(place: MaskPlace): void {
    const inner = this.#open(place);
    if (this.#closes(0x7d)) return;
    do {
      this.#space();
      const start = this.#at;
      if (this.#text.charCodeAt(start) !== 0x22) throw new NotJson();
      this.#string();
      const written = this.#text.slice(start + 1, this.#at - 1);
      const name = written.includes('\\') ? (JSON.parse(`"${written}"`) as string) : written;
      this.#space();
      this.#expect(0x3a);
      this.#space();
      this.#value(inner === nowhere ? nowhere : inner.property(name));
      this.#space();
    } while (this.#takes(0x2c));
    this.#close(0x7d);
  }

  #array(place: MaskPlace): void {
    const inner = this.#open(place);
    if (this.#closes(0x5d)) return;
    const element = inner === nowhere ? nowhere : inner.element();
    do {
      this.#space();
      this.#value(element);
      this.#space();
    } while (this.#takes(0x2c));
    this.#close(0x5d);
  }

  /** Within what is masked as a whole nothing is masked by itself: it is all replaced in the end. */
  #open(place: MaskPlace): MaskPlace {
    this.#at++;
    if (++this.#depth > deepest) throw new NotJson();
    this.#space();
    return place.isMasked ? nowhere : place;
  }

  #closes(code: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== code) return false;
    this.#close(code);
    return true;
  }

  #close(code: number): void {
    this.#expect(code);
    this.#depth--;
  }

  #expect(code: number): void {
    if (!this.#takes(code)) throw new NotJson();
  }

  #takes(code: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== code) return false;
    this.#at++;
    return true;
  }

  #string(): void {
    const text = this.#text;
    for (let at = this.#at + 1; ; at++) {
      plain.lastIndex = at;
      plain.test(text);
      at = plain.lastIndex;
      const code = text.charCodeAt(at);
      if (code === 0x22) {
        this.#at = at + 1;
        return;
      }
      if (code !== 0x5c) throw new NotJson();
      at = this.#escape(at + 1);
    }
  }

  /** The index of the last character of the escape that begins behind a backslash. */
  #escape(at: number): number {
    const code = this.#text[at];
    if (code === 'u') {
      if (!/^[0-9a-fA-F]{4}$/.test(this.#text.slice(at + 1, at + 5))) throw new NotJson();
      return at + 4;
    }
    if (code === undefined || !'"\\/bfnrt'.includes(code)) throw new NotJson();
    return at;
  }

  #word(word: string): void {
    if (!this.#text.startsWith(word, this.#at)) throw new NotJson();
    this.#at += word.length;
  }

  #number(): void {
    number.lastIndex = this.#at;
    const found = number.exec(this.#text)?.[0];
    if (found === undefined) throw new NotJson();
    this.#at += found.length;
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at++;
    }
  }
}

/** Where nothing is masked, however deep. */
export const nowhere: MaskPlace = { isMasked: false, property: () => nowhere, element: () => nowhere };
