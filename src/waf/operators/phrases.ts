import { MerlonError } from '../../core/errors.ts';
import { buildAutomaton } from '../match/aho-corasick.ts';
import { lowercase } from '../transformations/bytes.ts';
import type { Operator, OperatorFactory } from './operator.ts';

/** Phrases by their first bytes: as many as all phrases of the group have. */
interface Group {
  readonly width: number;
  readonly byHead: Map<string, string[]>;
}

const widths = [4, 2, 1];

function groupPhrases(phrases: readonly string[]): Group[] {
  const groups = widths.map((width): Group => ({ width, byHead: new Map() }));
  for (const phrase of phrases) {
    const group = groups.find(({ width }) => phrase.length >= width)!;
    const head = phrase.slice(0, group.width);
    const list = group.byHead.get(head);
    if (list === undefined) group.byHead.set(head, [phrase]);
    else list.push(phrase);
  }
  return groups.filter(({ byHead }) => byHead.size > 0);
}

/** Phrases in groups, and which pairs of bytes begin any of them: at most places of a text none does. */
interface Search {
  readonly groups: readonly Group[];
  readonly beginnings: Uint8Array;
}

const pairBits = 10;
const slotOf = (first: number, second: number): number => ((first << 5) ^ second) & ((1 << pairBits) - 1);

function planSearch(phrases: readonly string[]): Search {
  const beginnings = new Uint8Array(1 << pairBits);
  for (const phrase of phrases) {
    if (phrase.length > 1) beginnings[slotOf(phrase.charCodeAt(0), phrase.charCodeAt(1))] = 1;
    else for (let second = 0; second < 256; second += 1) beginnings[slotOf(phrase.charCodeAt(0), second)] = 1;
  }
  return { groups: groupPhrases(phrases), beginnings };
}

/** The first phrase of the text, as it stands there. */
function findPhrase({ groups, beginnings }: Search, raw: string): string | undefined {
  const text = lowercase(raw);
  for (let at = 0; at < text.length; at += 1) {
    // Past the end stands NUL.
    if (beginnings[slotOf(text.charCodeAt(at), text.charCodeAt(at + 1) | 0)] === 0) continue;
    for (const { width, byHead } of groups) {
      const phrase = byHead.get(text.slice(at, at + width))?.find((one) => text.startsWith(one, at));
      if (phrase !== undefined) return raw.slice(at, at + phrase.length);
    }
  }
  return undefined;
}

/** In texts shorter than this, phrases are looked for one by one. */
const fewBytes = 64;

/** Tells whether a text holds any of the phrases: one pass, however many there are. */
function compileSearch(phrases: readonly string[]): (text: string) => boolean {
  const { classes, next } = buildAutomaton(
    phrases.map((text) => ({ text, tag: 0 })),
    1,
  );
  return (text) => {
    let state = 0;
    for (let at = 0; at < text.length; at += 1) {
      state = next[state + classes[text.charCodeAt(at)]!]!;
      if (state < 0) return true;
    }
    return false;
  };
}

/** A case-insensitive search for any of many phrases. */
export function phraseOperator(phrases: readonly string[]): Operator {
  const wanted = [...new Set(phrases.map(lowercase))].filter((phrase) => phrase !== '');
  const plan = planSearch(wanted);
  // Most lists are never searched: the sieve rules them out. Their automata would take space for nothing.
  let search: ((text: string) => boolean) | undefined;
  const contains = (text: string): boolean => {
    if (text.length < fewBytes) return findPhrase(plan, text) !== undefined;
    search ??= compileSearch(wanted);
    return search(text);
  };
  return {
    matches: (text) => contains(text.raw),
    captures: (text) => [findPhrase(plan, text.raw)],
    requirements: {
      literals: wanted,
      sets: [],
      minLength: wanted.reduce((least, { length }) => Math.min(least, length), 255),
    },
  };
}

/** `|41 42|` inside a phrase stands for bytes, as Snort writes them. */
function readPhrase(text: string): string {
  return text.replace(/\|((?:[0-9A-Fa-f]{2} ?)+)\|/g, (_all, bytes: string) =>
    Buffer.from(bytes.replaceAll(' ', ''), 'hex').toString('latin1'),
  );
}

const pm: OperatorFactory = (parameter) =>
  phraseOperator(
    readPhrase(parameter)
      .split(/\s+/)
      .filter((phrase) => phrase !== ''),
  );

/** Lines of data files that count. */
export function readLines(names: string, read: (name: string) => string | undefined): string[] {
  return names
    .split(/\s+/)
    .filter((name) => name !== '')
    .flatMap((name) => {
      const data = read(name);
      if (data === undefined)
        throw new MerlonError({ code: 'waf.missing-data', message: `there is no data file \`${name}\`` });
      return data
        .split('\n')
        .map((line) => line.replace(/\r$/, ''))
        .filter((line) => line.trim() !== '' && !line.startsWith('#'));
    });
}

const pmFromFile: OperatorFactory = (parameter, sources) =>
  phraseOperator(readLines(parameter, sources.readData).map((line) => line.trim()));

export const phraseOperators: Readonly<Record<string, OperatorFactory>> = { pm, pmFromFile, pmf: pmFromFile };
