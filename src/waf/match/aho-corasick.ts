// Aho and Corasick, "Efficient string matching" (1975), as a complete automaton over classes of lower-case bytes: one
// table look-up for each byte of the text, however many words are looked for.

export interface Automaton {
  /** Class of each byte; upper-case letters share their lower-case class. */
  readonly classes: Uint8Array;
  /** From a state (an offset into this table) plus a class to the next state; its complement where words end. */
  readonly next: Int32Array;
  /** How far behind a state its row stands. */
  readonly width: number;
  /**
   * Bits of the tags of the words that end in a state, so many 32-bit words from its row on; then, as many, of those that
   * count only where no letter, digit or underscore follows.
   */
  readonly rows: Int32Array;
}

export interface Word {
  /** In lower case, not empty. */
  readonly text: string;
  /** What is reported where the word occurs. */
  readonly tag: number;
  /** Counts only where the text's own word ends there, too. */
  readonly ends?: boolean;
}

const lower = (byte: number): number => (byte >= 65 && byte <= 90 ? byte + 32 : byte);

function classify(words: readonly Word[]): { readonly classes: Uint8Array; readonly width: number } {
  const used = new Uint8Array(256);
  for (const { text } of words) for (let at = 0; at < text.length; at += 1) used[text.charCodeAt(at)] = 1;
  const classes = new Uint8Array(256);
  let width = 1;
  for (let byte = 0; byte < 256; byte += 1) if (used[byte] === 1) classes[byte] = width++;
  for (let byte = 65; byte <= 90; byte += 1) classes[byte] = classes[lower(byte)]!;
  return { classes, width };
}

interface Trie {
  readonly next: Uint32Array;
  readonly tags: (number[] | undefined)[];
  readonly states: number;
}

function plant(words: readonly Word[], classes: Uint8Array, width: number, endsFrom: number): Trie {
  const most = words.reduce((sum, { text }) => sum + text.length, 1);
  const next = new Uint32Array(most * width);
  const tags: (number[] | undefined)[] = [];
  let states = 1;
  for (const { text, tag, ends } of words) {
    let state = 0;
    for (let at = 0; at < text.length; at += 1) {
      const cell = state * width + classes[text.charCodeAt(at)]!;
      if (next[cell] === 0) next[cell] = states++;
      state = next[cell]!;
    }
    const list = (tags[state] ??= []);
    const slot = ends === true ? tag + endsFrom : tag;
    if (!list.includes(slot)) list.push(slot);
  }
  return { next: next.slice(0, states * width), tags, states };
}

/** Fills in where each state goes on a byte that no word continues with. */
function complete({ next, tags, states }: Trie, width: number): void {
  const failure = new Uint32Array(states);
  const queue: number[] = [];
  for (let kind = 0; kind < width; kind += 1) if (next[kind] !== 0) queue.push(next[kind]!);
  for (let head = 0; head < queue.length; head += 1) {
    const state = queue[head]!;
    const fallback = failure[state]!;
    const inherited = tags[fallback];
    if (inherited !== undefined) tags[state] = [...new Set([...(tags[state] ?? []), ...inherited])];
    for (let kind = 0; kind < width; kind += 1) {
      const cell = state * width + kind;
      const onFailure = next[fallback * width + kind]!;
      if (next[cell] === 0) next[cell] = onFailure;
      else {
        failure[next[cell]!] = onFailure;
        queue.push(next[cell]!);
      }
    }
  }
}

/** Lays the automaton out for the scan: a state is an offset, complemented where words end; its row follows its moves. */
function layOut({ next, tags, states }: Trie, width: number, rowWords: number): Omit<Automaton, 'classes' | 'width'> {
  const offsetOf = (state: number): number => {
    const offset = state * (width + 1);
    return tags[state] === undefined ? offset : ~offset;
  };
  const moves = new Int32Array(states * (width + 1));
  const rows: number[] = [];
  for (let state = 0; state < states; state += 1) {
    for (let kind = 0; kind < width; kind += 1)
      moves[state * (width + 1) + kind] = offsetOf(next[state * width + kind]!);
    const words = tags[state];
    if (words === undefined) continue;
    const row = rows.length;
    moves[state * (width + 1) + width] = row;
    for (let word = 0; word < rowWords * 2; word += 1) rows.push(0);
    for (const tag of words) rows[row + (tag >>> 5)]! |= 1 << (tag & 31);
  }
  return { next: moves, rows: Int32Array.from(rows) };
}

/** @param rowWords how many 32-bit words hold a bit for each tag. */
export function buildAutomaton(words: readonly Word[], rowWords: number): Automaton {
  const { classes, width } = classify(words);
  const trie = plant(words, classes, width, rowWords * 32);
  complete(trie, width);
  return { classes, width, ...layOut(trie, width, rowWords) };
}
