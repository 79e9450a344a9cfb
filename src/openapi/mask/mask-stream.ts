import { deepest, type MaskPlace, NotJson, nowhere } from './rewrite.ts';

/** Masks JSON text that comes in pieces, in bounded memory: what it keeps is the path to where it stands, and one key. */
export interface MaskStream {
  /** What of the text may go on; perhaps nothing yet. Throws `NotJson`. */
  write(text: string): string;
  /** The text is over; what is left of it. Throws `NotJson` where it is not whole. */
  end(): string;
}

/** As `maskJson`, piece by piece: the same text comes out, and the same texts are refused. */
export function createMaskStream(root: MaskPlace, keepLast: number, many: boolean): MaskStream {
  return new Masking(root, keepLast, many);
}

const longestKey = 65_536;
// What a text may hold without an escape.
const plain = /[^"\\\u0000-\u001f]*/y;
const escaped = new Map(
  Object.entries({ b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', '/': '/' }),
);
const words = new Map([
  [0x74, 'true'],
  [0x66, 'false'],
  [0x6e, 'null'],
]);

/** What has been read of a number (RFC 8259, section 6), and what may follow. */
type NumberPart = 'minus' | 'zero' | 'whole' | 'point' | 'fraction' | 'e' | 'sign' | 'exponent';
const digitsOf: Readonly<Record<NumberPart, NumberPart | undefined>> = {
  ...{ minus: 'whole', zero: undefined, whole: 'whole', point: 'fraction', fraction: 'fraction' },
  ...{ e: 'exponent', sign: 'exponent', exponent: 'exponent' },
};
const completeParts: ReadonlySet<NumberPart> = new Set<NumberPart>(['zero', 'whole', 'fraction', 'exponent']);

function partAfter(part: NumberPart, code: number): NumberPart | undefined {
  if (code === 0x30 && part === 'minus') return 'zero';
  if (code >= 0x30 && code <= 0x39) return digitsOf[part];
  if (code === 0x2e) return part === 'zero' || part === 'whole' ? 'point' : undefined;
  if (code === 0x65 || code === 0x45) return completeParts.has(part) && part !== 'exponent' ? 'e' : undefined;
  return (code === 0x2b || code === 0x2d) && part === 'e' ? 'sign' : undefined;
}

const isSpace = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

/** An object or array that is open. */
interface Open {
  readonly isObject: boolean;
  /** Where its members stand. */
  readonly place: MaskPlace;
  /** Whether it is masked as a whole, and so what is in it is dropped. */
  readonly isHidden: boolean;
}

type State = 'value' | 'first' | 'key' | 'first-key' | 'colon' | 'after' | 'text' | 'key-text' | 'word' | 'number';

class Masking implements MaskStream {
  readonly #root: MaskPlace;
  readonly #keepLast: number;
  readonly #many: boolean;
  readonly #open: Open[] = [];
  #state: State = 'value';
  /** Where the value that comes, or is being read, stands. */
  #place: MaskPlace;
  /** Whether a value has ended at the top. */
  #isWhole = false;
  #piece = '';
  #at = 0;
  /** From here on the piece has not been copied; meaningless while something is hidden. */
  #from = 0;
  #isHiding = false;
  #out = '';
  #key = '';
  #number: NumberPart = 'minus';
  #word = '';
  /** How many characters of a word were read; of an escape: 1 after the backslash, then one more with each digit. */
  #read = 0;
  #escape = 0;
  #digits = '';
  /** Of a text that is masked: its length, and its end as far as that may be shown. */
  #length = 0;
  #tail = '';

  constructor(root: MaskPlace, keepLast: number, many: boolean) {
    this.#root = root;
    this.#place = root;
    this.#keepLast = keepLast;
    this.#many = many;
  }

  write(text: string): string {
    this.#piece = text;
    this.#at = 0;
    this.#from = 0;
    this.#out = '';
    while (this.#at < text.length) this.#step(text.charCodeAt(this.#at));
    return this.#isHiding ? this.#out : this.#out + text.slice(this.#from);
  }

  end(): string {
    this.#piece = '';
    this.#at = 0;
    this.#from = 0;
    this.#out = '';
    if (this.#state === 'number') this.#endNumber();
    if (this.#open.length > 0 || !this.#isWhole || (this.#state !== 'after' && this.#state !== 'value'))
      throw new NotJson();
    return this.#out;
  }

  /** Reads on from `code`, which is the next character. */
  #step(code: number): void {
    const state = this.#state;
    if (state === 'text' || state === 'key-text') this.#readText(code);
    else if (state === 'number') this.#readNumber(code);
    else if (state === 'word') this.#readWord(code);
    else if (isSpace(code)) this.#at++;
    else if (state === 'value') this.#begin(code);
    else if (state === 'first') this.#beginOrClose(code);
    else if (state === 'colon') this.#take(code, 0x3a, 'value');
    else if (state === 'after') this.#goOn(code);
    else if (state === 'first-key' && code === 0x7d) this.#close();
    else this.#beginKey(code);
  }

  #take(code: number, expected: number, next: State): void {
    if (code !== expected) throw new NotJson();
    this.#at++;
    this.#state = next;
  }

  #beginOrClose(code: number): void {
    if (code === 0x5d) this.#close();
    else this.#begin(code);
  }

  #begin(code: number): void {
    const word = words.get(code);
    if (this.#place.isMasked) this.#hide();
    if (code === 0x7b || code === 0x5b) return this.#enter(code === 0x7b);
    if (code === 0x22) {
      this.#take(code, 0x22, 'text');
      this.#length = 0;
      this.#tail = '';
    } else if (word !== undefined) {
      this.#state = 'word';
      this.#word = word;
      this.#read = 0;
    } else {
      this.#state = 'number';
      this.#number = code === 0x2d ? 'minus' : code === 0x30 ? 'zero' : 'whole';
      if (code !== 0x2d && (code < 0x30 || code > 0x39)) throw new NotJson();
      this.#at++;
    }
  }

  #enter(isObject: boolean): void {
    const { isMasked } = this.#place;
    if (this.#open.length >= deepest) throw new NotJson();
    // Within what is masked as a whole nothing is masked by itself: all of it is dropped.
    const place = isMasked || this.#place === nowhere ? nowhere : isObject ? this.#place : this.#place.element();
    this.#open.push({ isObject, place, isHidden: isMasked });
    this.#place = place;
    this.#at++;
    this.#state = isObject ? 'first-key' : 'first';
  }

  #close(): void {
    const open = this.#open.pop() as Open;
    this.#at++;
    this.#valueEnded(open.isHidden ? 'null' : undefined);
  }

  #goOn(code: number): void {
    const open = this.#open.at(-1);
    if (open === undefined) {
      if (!this.#many) throw new NotJson();
      this.#place = this.#root;
      this.#state = 'value';
    } else if (code === 0x2c) {
      this.#at++;
      this.#place = open.place;
      this.#state = open.isObject ? 'key' : 'value';
    } else if (code === (open.isObject ? 0x7d : 0x5d)) this.#close();
    else throw new NotJson();
  }

  /** `instead`: what is written for a value that was hidden. */
  #valueEnded(instead: string | undefined): void {
    if (instead !== undefined) {
      this.#out += instead;
      this.#isHiding = false;
      this.#from = this.#at;
    }
    this.#state = 'after';
    this.#isWhole = true;
  }

  #hide(): void {
    this.#out += this.#piece.slice(this.#from, this.#at);
    this.#isHiding = true;
  }

  #beginKey(code: number): void {
    this.#take(code, 0x22, 'key-text');
    this.#key = '';
  }

  #readText(code: number): void {
    if (this.#escape > 0) return this.#readEscape(code);
    const start = this.#at;
    plain.lastIndex = start;
    plain.test(this.#piece);
    this.#at = plain.lastIndex;
    if (this.#at > start) return this.#addText(this.#piece.slice(start, this.#at));
    this.#at++;
    if (code === 0x5c) {
      this.#escape = 1;
      this.#digits = '';
    } else if (code === 0x22) this.#textEnded();
    else throw new NotJson();
  }

  #readEscape(code: number): void {
    const character = String.fromCharCode(code);
    this.#at++;
    if (this.#escape === 1 && character === 'u') this.#escape = 2;
    else if (this.#escape === 1) {
      const meant = escaped.get(character);
      if (meant === undefined) throw new NotJson();
      this.#escape = 0;
      this.#addText(meant);
    } else {
      if (!/[0-9a-fA-F]/.test(character)) throw new NotJson();
      this.#digits += character;
      if (++this.#escape < 6) return;
      this.#escape = 0;
      this.#addText(String.fromCharCode(Number.parseInt(this.#digits, 16)));
    }
  }

  #addText(text: string): void {
    if (this.#state === 'key-text') {
      if (this.#place === nowhere) return;
      this.#key += text;
      if (this.#key.length > longestKey) throw new NotJson();
    } else if (this.#place.isMasked && this.#keepLast > 0) {
      this.#length += text.length;
      this.#tail = (this.#tail + text).slice(-this.#keepLast);
    }
  }

  #textEnded(): void {
    if (this.#state === 'key-text') {
      this.#place = this.#place === nowhere ? nowhere : this.#place.property(this.#key);
      this.#state = 'colon';
      return;
    }
    if (!this.#place.isMasked) return this.#valueEnded(undefined);
    const shown = this.#keepLast > 0 && this.#length >= this.#keepLast * 3 ? this.#tail : '';
    this.#valueEnded(JSON.stringify(`***${shown}`));
  }

  #readWord(code: number): void {
    if (code !== this.#word.charCodeAt(this.#read)) throw new NotJson();
    this.#at++;
    if (++this.#read === this.#word.length) this.#valueEnded(this.#place.isMasked ? 'null' : undefined);
  }

  #readNumber(code: number): void {
    const next = partAfter(this.#number, code);
    if (next === undefined) return this.#endNumber();
    this.#number = next;
    this.#at++;
  }

  #endNumber(): void {
    if (!completeParts.has(this.#number)) throw new NotJson();
    this.#valueEnded(this.#place.isMasked ? 'null' : undefined);
  }
}
