import {
  anyChar,
  type CharSet,
  digits,
  endSymbol,
  negate,
  spaces,
  startSymbol,
  tryPropertySet,
  unite,
  wordChars,
} from './char-set.ts';

/** A regular expression as a tree. Groups are gone: nobody asks what they captured. */
export type Tree =
  | { readonly kind: 'set'; readonly set: CharSet }
  | { readonly kind: 'sequence'; readonly parts: readonly Tree[] }
  | { readonly kind: 'choice'; readonly options: readonly Tree[] }
  | { readonly kind: 'repeat'; readonly body: Tree; readonly min: number; readonly max: number };

/** A look-ahead right at the start: a second pattern that must hold, or must not. */
export interface Lookahead {
  readonly holds: boolean;
  readonly body: Tree;
}

/** A whole pattern. */
export interface ParsedPattern {
  readonly lookaheads: readonly Lookahead[];
  readonly body: Tree;
}

/** Why a pattern cannot be had: the end of a sentence that begins with the pattern. */
export class PatternFault extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

const startAnchor: Tree = { kind: 'set', set: [[startSymbol, startSymbol]] };
const endAnchor: Tree = { kind: 'set', set: [[endSymbol, endSymbol]] };
const one = (point: number): Tree => ({ kind: 'set', set: [[point, point]] });

const classEscapes: Readonly<Record<string, CharSet>> = {
  d: digits,
  D: negate(digits),
  w: wordChars,
  W: negate(wordChars),
  s: spaces,
  S: negate(spaces),
};
const controlEscapes: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, 0: 0 };
const deepest = 50;

/** Parses `source`, which the engine's own parser has accepted. Throws `PatternFault` for what cannot be matched in linear time. */
export function parsePattern(source: string): ParsedPattern {
  const reader = new PatternReader(source);
  const anchored = reader.take('^');
  const lookaheads: Lookahead[] = [];
  if (anchored)
    for (let next = reader.tryLookahead(); next !== undefined; next = reader.tryLookahead()) lookaheads.push(next);
  const body = reader.choice(0, anchored ? startAnchor : undefined);
  if (!reader.ended) throw new PatternFault('has a parenthesis too many');
  if (lookaheads.length > 0 && body.kind === 'choice')
    throw new PatternFault(
      'has a look-ahead in one of several alternatives',
      'group the alternatives: `^(?=…)(?:a|b)$`',
    );
  return { lookaheads, body };
}

/** Reads one pattern from left to right; recursive descent (ECMA-262, section 22.2.1). */
class PatternReader {
  readonly #points: readonly number[];
  #at = 0;

  constructor(source: string) {
    this.#points = Array.from(source, (char) => char.codePointAt(0) as number);
  }

  get ended(): boolean {
    return this.#at >= this.#points.length;
  }

  /** The next character, as text; empty at the end. */
  get #next(): string {
    const point = this.#points[this.#at];
    return point === undefined ? '' : String.fromCodePoint(point);
  }

  #startsWith(text: string): boolean {
    return Array.from(text).every((char, index) => this.#points[this.#at + index] === char.codePointAt(0));
  }

  take(text: string): boolean {
    if (!this.#startsWith(text)) return false;
    this.#at += text.length;
    return true;
  }

  tryLookahead(): Lookahead | undefined {
    const holds = this.take('(?=');
    if (!holds && !this.take('(?!')) return undefined;
    const body = this.choice(1, undefined);
    if (!this.take(')')) throw new PatternFault('has a parenthesis that is not closed');
    return { holds, body: { kind: 'sequence', parts: [startAnchor, body] } };
  }

  choice(depth: number, first: Tree | undefined): Tree {
    if (depth > deepest) throw new PatternFault(`nests deeper than ${deepest}`);
    const options = [this.#sequence(depth, first)];
    while (this.take('|')) options.push(this.#sequence(depth, undefined));
    return options.length === 1 ? (options[0] as Tree) : { kind: 'choice', options };
  }

  #sequence(depth: number, first: Tree | undefined): Tree {
    const parts: Tree[] = first === undefined ? [] : [first];
    while (!this.ended && this.#next !== '|' && this.#next !== ')') parts.push(this.#quantified(depth));
    return parts.length === 1 ? (parts[0] as Tree) : { kind: 'sequence', parts };
  }

  #quantified(depth: number): Tree {
    const body = this.#atom(depth);
    const bounds = this.#quantifier();
    if (bounds === undefined) return body;
    this.take('?'); // lazy or greedy: the same texts match
    return { kind: 'repeat', body, ...bounds };
  }

  #quantifier(): { min: number; max: number } | undefined {
    if (this.take('*')) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (this.take('+')) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (this.take('?')) return { min: 0, max: 1 };
    if (this.#next !== '{') return undefined;
    const close = this.#points.indexOf(0x7d, this.#at);
    const text = String.fromCodePoint(...this.#points.slice(this.#at, Math.min(close + 1, this.#at + 30)));
    const [, min, comma, max] = /^\{(\d{1,9})(,?)(\d{0,9})\}$/.exec(text) ?? [];
    if (min === undefined) return undefined;
    this.#at = close + 1;
    const upper = max === '' || max === undefined ? Number.POSITIVE_INFINITY : Number(max);
    return { min: Number(min), max: comma === '' ? Number(min) : upper };
  }

  #atom(depth: number): Tree {
    if (this.take('^')) return startAnchor;
    if (this.take('$')) return endAnchor;
    if (this.take('.')) return { kind: 'set', set: anyChar };
    if (this.take('[')) return { kind: 'set', set: this.#charClass() };
    if (this.take('(')) return this.#group(depth);
    if (this.take('\\')) return this.#escape();
    const point = this.#points[this.#at++] as number;
    return one(point);
  }

  #group(depth: number): Tree {
    if (this.#next === '?' && !this.take('?:')) this.#specialGroup();
    const body = this.choice(depth + 1, undefined);
    if (!this.take(')')) throw new PatternFault('has a parenthesis that is not closed');
    return body;
  }

  #specialGroup(): void {
    const hint = 'describe the value without it, or move the check into the service';
    if (this.#startsWith('?=') || this.#startsWith('?!')) {
      throw new PatternFault('has a look-ahead that does not stand at its very start, behind `^`', hint);
    }
    if (this.#startsWith('?<=') || this.#startsWith('?<!')) throw new PatternFault('has a look-behind', hint);
    if (!this.take('?<')) throw new PatternFault('has a group with flags', hint);
    while (!this.ended && !this.take('>')) this.#at++;
  }

  #escape(): Tree {
    const char = this.#next;
    if (/[1-9k]/.test(char))
      throw new PatternFault('refers back to a group', 'back-references cannot be matched in linear time');
    if (/[bB]/.test(char))
      throw new PatternFault('has a word boundary', 'say which characters may stand there instead');
    return { kind: 'set', set: this.#escapedSet() };
  }

  /** Behind a backslash, within a class or outside. */
  #escapedSet(): CharSet {
    const char = this.#next;
    if (Object.hasOwn(classEscapes, char)) {
      this.#at++;
      return classEscapes[char] as CharSet;
    }
    if (char === 'p' || char === 'P') return this.#property(char === 'P');
    const point = this.#escapedPoint();
    return [[point, point]];
  }

  #property(negated: boolean): CharSet {
    this.#at++;
    const close = this.#points.indexOf(0x7d, this.#at);
    const name =
      this.#next === '{' && close !== -1
        ? String.fromCodePoint(...this.#points.slice(this.#at + 1, Math.min(close, this.#at + 100)))
        : '';
    const set = tryPropertySet(name);
    if (set === undefined) throw new PatternFault('names a character property that does not exist');
    this.#at = close + 1;
    return negated ? negate(set) : set;
  }

  #escapedPoint(): number {
    const char = this.#next;
    const point = this.#points[this.#at++];
    if (point === undefined) throw new PatternFault('ends in a backslash');
    if (Object.hasOwn(controlEscapes, char)) return controlEscapes[char] as number;
    if (char === 'x') return this.#hex(2) ?? point;
    if (char === 'u') return this.#unicodeEscape() ?? point;
    if (char === 'c') return (this.#points[this.#at++] ?? 0) % 32;
    return point;
  }

  #unicodeEscape(): number | undefined {
    if (this.take('{')) {
      const close = this.#points.indexOf(0x7d, this.#at);
      const point = this.#hex(close - this.#at);
      this.#at++;
      return point;
    }
    const high = this.#hex(4);
    if (high === undefined || high < 0xd800 || high > 0xdbff || !this.#startsWith('\\u')) return high;
    const mark = this.#at;
    this.#at += 2;
    const low = this.#hex(4);
    if (low !== undefined && low >= 0xdc00 && low <= 0xdfff) return 0x10000 + (high - 0xd800) * 0x400 + (low - 0xdc00);
    this.#at = mark;
    return high;
  }

  #hex(length: number): number | undefined {
    const text = String.fromCodePoint(...this.#points.slice(this.#at, this.#at + Math.min(Math.max(0, length), 8)));
    if (length < 1 || text.length !== length || !/^[0-9A-Fa-f]+$/.test(text)) return undefined;
    this.#at += length;
    return Number.parseInt(text, 16);
  }

  #charClass(): CharSet {
    const negated = this.take('^');
    const ranges: (readonly [number, number])[] = [];
    while (!this.take(']')) {
      if (this.ended) throw new PatternFault('has a character class that is not closed');
      ranges.push(...this.#classRange());
    }
    const set = unite(ranges);
    return negated ? negate(set) : set;
  }

  #classRange(): CharSet {
    const first = this.#classAtom();
    if (this.#next !== '-' || this.#points[this.#at + 1] === undefined || this.#points[this.#at + 1] === 0x5d)
      return first;
    const mark = this.#at;
    this.#at++;
    const last = this.#classAtom();
    const from = singlePoint(first);
    const to = singlePoint(last);
    if (from !== undefined && to !== undefined) return from <= to ? [[from, to]] : [];
    // `[\w-.]`: outside strict mode the hyphen is itself.
    this.#at = mark + 1;
    return unite([...first, [0x2d, 0x2d]]);
  }

  #classAtom(): CharSet {
    if (!this.take('\\')) {
      const point = this.#points[this.#at++] as number;
      return [[point, point]];
    }
    if (this.take('b')) return [[8, 8]];
    return this.#escapedSet();
  }
}

function singlePoint(set: CharSet): number | undefined {
  const [range] = set;
  return set.length === 1 && range !== undefined && range[0] === range[1] ? range[0] : undefined;
}
