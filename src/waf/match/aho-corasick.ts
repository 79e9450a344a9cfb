// Aho and Corasick, "Efficient string matching" (1975), as a complete automaton over classes of lower-case bytes: one
// table look-up for each byte of the text, however many words are looked for.

export interface Automaton {
  /** Class of each byte; upper-case letters share their lower-case class. */
  readonly classes: Uint8Array;
  readonly width: number;
  /** `next[state * width + class]`. */
  readonly next: Uint32Array;
  /** Per state, what is found on reaching it. */
  readonly found: readonly (Uint32Array | undefined)[];
}

export interface Word {
  /** In lower case, not empty. */
  readonly text: string;
  /** What is reported where the word occurs. */
  readonly tag: number;
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

function plant(words: readonly Word[], classes: Uint8Array, width: number): Trie {
  const most = words.reduce((sum, { text }) => sum + text.length, 1);
  const next = new Uint32Array(most * width);
  const tags: (number[] | undefined)[] = [];
  let states = 1;
  for (const { text, tag } of words) {
    let state = 0;
    for (let at = 0; at < text.length; at += 1) {
      const cell = state * width + classes[text.charCodeAt(at)]!;
      if (next[cell] === 0) next[cell] = states++;
      state = next[cell]!;
    }
    const list = (tags[state] ??= []);
    if (!list.includes(tag)) list.push(tag);
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

export function buildAutomaton(words: readonly Word[]): Automaton {
  const { classes, width } = classify(words);
  const trie = plant(words, classes, width);
  complete(trie, width);
  const found = Array.from({ length: trie.states }, (_none, state) => {
    const tags = trie.tags[state];
    return tags === undefined ? undefined : Uint32Array.from(tags);
  });
  return { classes, width, next: trie.next, found };
}
