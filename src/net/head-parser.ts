import { NetError } from './errors.ts';
import { fieldValueChars, tokenChars } from './grammar.ts';
import { internName } from './header-names.ts';
import { type FieldSection, Headers } from './headers.ts';

/** Bounds on the head of a message. */
export interface HeadBounds {
  readonly headerBytes: number;
  readonly headerCount: number;
  readonly targetBytes: number;
}

export const more = -1;

// What is remembered keeps the text alive that it was cut from; together they bound that to 64 KiB a connection.
const rememberedFields = 32;
const rememberedBytes = 2048;
/** A message of its own is not worth remembering where it is longer: its text, with what came along of the content, stays alive. */
const rememberedSection = 4096;

const cr = 0x0d;
const lf = 0x0a;
const colon = 0x3a;

/**
 * Reads the start line and the field section of a message (RFC 9112, sections 2 to 5). It can be fed at any split; what is complete is
 * never looked at twice but for the line that is under way. Throws NetError on the first byte that the grammar
 * does not allow: CRLF is the only line end, there is no white space around names, no folding, no control character in values.
 */
export abstract class HeadParser {
  /** Fields of the head that was read last. */
  headers = new Headers();
  /** Whether its field section is, byte for byte, that of the head before. Then all that follows from the fields is the same, too. */
  repeats = false;
  readonly #bounds: HeadBounds;
  #text = '';
  /** Where the line under way begins. */
  #at = 0;
  #hasStart = false;
  /** Where its fields begin. */
  #fieldsAt = 0;
  /** Lines of former heads by the place of their name in `headers`, and what they say: most fields of a connection repeat. */
  #lines: string[] = [];
  #known: string[] = [];
  /** The field section of the former head, with the empty line that ends it; '' where it is not remembered. */
  #section = '';
  #sectionFields: FieldSection | undefined;
  /** The former bytes as a whole, and where their head ended. */
  #whole = '';
  #wholeEnd = 0;

  constructor(bounds: HeadBounds) {
    this.#bounds = bounds;
  }

  /** Whether a head has begun and is not complete. */
  get isPartial(): boolean {
    return this.#text.length > 0;
  }

  /** Takes bytes from `offset` on. Returns the offset after the head when it is complete, else `more`. */
  feed(chunk: Buffer, offset: number): number {
    const before = this.#text.length;
    const room = this.#bounds.headerBytes - before + 1;
    const piece = chunk.toString('latin1', offset, Math.min(chunk.length, offset + room));
    const text = before === 0 ? piece : this.#text + piece;
    const end = this.#isSame(text) ? this.#wholeEnd : this.#parse(text);
    if (end !== more) {
      this.#text = '';
      this.#at = 0;
      this.#hasStart = false;
      return offset + end - before;
    }
    if (text.length > this.#bounds.headerBytes) throw this.tooLarge();
    this.#text = text;
    return more;
  }

  /** Lets go of all that was read, and of the texts that it was cut from. Between heads only. */
  forget(): void {
    this.headers = new Headers();
    this.repeats = false;
    this.#lines = [];
    this.#known = [];
    this.#section = this.#whole = '';
    this.#sectionFields = undefined;
  }

  /** Reads the start line at `at`; returns where the fields begin, or `more`. `text` may end anywhere. */
  protected abstract startLine(text: string, at: number): number;

  /** What is thrown when the bounds are passed. */
  protected tooLarge(): NetError {
    return new NetError('net.headers-too-large', 431, 'the header fields are too large');
  }

  #parse(text: string): number {
    if (!this.#hasStart) {
      const start = this.startLine(text, 0);
      if (start === more) return more;
      this.#hasStart = true;
      this.#at = this.#fieldsAt = start;
      const end = start + this.#section.length;
      // A client that keeps its connection mostly says the same again: one comparison instead of a grammar.
      this.repeats = this.#sectionFields !== undefined && text.substring(start, end) === this.#section;
      if (this.repeats) {
        this.headers = Headers.of(this.#sectionFields as FieldSection);
        this.#keep(text, end);
        return end;
      }
      this.headers = new Headers();
    }
    return this.#fields(text);
  }

  /** Whether `text` is what came before, start line and all: then what was read of it holds. */
  #isSame(text: string): boolean {
    if (this.#sectionFields === undefined || text !== this.#whole) return false;
    this.repeats = true;
    this.headers = Headers.of(this.#sectionFields);
    return true;
  }

  #fields(text: string): number {
    const { pairs } = this.headers;
    for (;;) {
      const next = this.#fieldLine(text, this.#at, pairs);
      if (next === more) return more;
      if (next < 0) {
        this.#remember(text, -next);
        return -next;
      }
      if (pairs.length > this.#bounds.headerCount * 2) throw this.tooLarge();
      this.#at = next;
    }
  }

  #keep(text: string, end: number): void {
    this.#whole = text;
    this.#wholeEnd = end;
  }

  #remember(text: string, end: number): void {
    if (text.length > rememberedSection) {
      this.#section = '';
      this.#sectionFields = undefined;
      return;
    }
    this.#keep(text, end);
    this.#section = text.substring(this.#fieldsAt, end);
    this.#sectionFields = { pairs: this.headers.pairs.slice(), lines: undefined, made: undefined };
    this.headers.section = this.#sectionFields;
  }

  /** As `parseFieldLine`, but a line that is the same, byte for byte, as in the head before need not be read again. */
  #fieldLine(text: string, at: number, pairs: string[]): number {
    const index = pairs.length;
    const known = this.#lines[index];
    if (known !== undefined && text.substring(at, at + known.length) === known) {
      pairs.push(this.#known[index] as string, this.#known[index + 1] as string);
      return at + known.length;
    }
    const next = parseFieldLine(text, at, pairs);
    if (next >= 0 && index < rememberedFields * 2 && text.length <= rememberedBytes) {
      this.#lines[index] = this.#lines[index + 1] = text.substring(at, next);
      this.#known[index] = pairs[index] as string;
      this.#known[index + 1] = pairs[index + 1] as string;
    }
    return next;
  }
}

/**
 * Reads one field line at `at` into `pairs`. Returns where the next begins; `more` where the text ends within it;
 * the negated end of the section where the line is the empty one that ends it (never -1: it is two bytes long).
 */
export function parseFieldLine(text: string, at: number, pairs: string[]): number {
  const { length } = text;
  let here = at;
  while (here < length && tokenChars[text.charCodeAt(here)] === 1) here++;
  if (here === length) return more;
  if (here === at) return endOfSection(text, at);
  if (text.charCodeAt(here) !== colon) throw badHeader('a header field name holds a character that is not allowed');
  const nameEnd = here++;
  while (here < length && isBlank(text.charCodeAt(here))) here++;
  const valueStart = here;
  here = endOfValue(text, here);
  const end = lineEnd(text, here);
  if (end === more) return more;
  let valueEnd = here;
  while (valueEnd > valueStart && isBlank(text.charCodeAt(valueEnd - 1))) valueEnd--;
  pairs.push(internName(text.substring(at, nameEnd)), text.substring(valueStart, valueEnd));
  return end;
}

// As `fieldValueChars`. For a token or a cookie it is twice as quick as a look at each character.
const manyValueChars = /[\t\x20-\x7e\x80-\xff]*/y;
const shortValue = 64;

/** Where the value that begins at `at` ends. */
function endOfValue(text: string, at: number): number {
  const enough = Math.min(text.length, at + shortValue);
  let here = at;
  while (here < enough && fieldValueChars[text.charCodeAt(here)] === 1) here++;
  if (here < at + shortValue) return here;
  manyValueChars.lastIndex = here;
  manyValueChars.test(text);
  return manyValueChars.lastIndex;
}

function endOfSection(text: string, at: number): number {
  if (text.charCodeAt(at) !== cr) throw badHeader('a line of the header section does not begin with a field name');
  const end = lineEnd(text, at);
  return end === more ? more : -end;
}

/** Where the line after `at` begins; `at` must stand on its CRLF. */
export function lineEnd(text: string, at: number): number {
  if (at >= text.length) return more;
  if (text.charCodeAt(at) !== cr) throw badHeader('a header field value holds a character that is not allowed');
  if (at + 1 >= text.length) return more;
  if (text.charCodeAt(at + 1) !== lf) throw badHeader('a carriage return stands without a line feed');
  return at + 2;
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;

function badHeader(message: string): NetError {
  return new NetError('net.bad-header', 400, message);
}
