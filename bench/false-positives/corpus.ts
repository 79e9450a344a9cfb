// Ordinary texts, gathered from what Debian installs: words, documents, manuals, source code; and names and addresses made up
// from lists of our own. None of it is an attack.
import { globSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

export interface OrdinaryText {
  readonly kind: string;
  readonly text: string;
}

/** Numbers from 0 to 1, the same in every run. */
export function createDice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const pick = <Item>(dice: () => number, items: readonly Item[]): Item =>
  items[Math.floor(dice() * items.length)] as Item;

function readText(file: string): string {
  try {
    const bytes = readFileSync(file);
    return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  } catch {
    return '';
  }
}

/** Paragraphs of files that fit the patterns, at most so many, spread over all files. */
function paragraphs(kind: string, patterns: readonly string[], most: number, dice: () => number): OrdinaryText[] {
  const files = patterns.flatMap((pattern) => globSync(pattern)).sort();
  const found: OrdinaryText[] = [];
  for (let tries = 0; found.length < most && tries < most * 3 && files.length > 0; tries += 1) {
    const parts = readText(pick(dice, files))
      .split(/\n\s*\n/)
      .map((part) => part.trim())
      .filter((part) => part.length >= 40 && part.length <= 1500);
    if (parts.length > 0) found.push({ kind, text: pick(dice, parts) });
  }
  return found;
}

/** A manual page without its markup. */
const unroff = (text: string): string =>
  text
    .replace(/^[.'].*$/gm, '')
    .replace(/\\f[BIRP]|\\&|\\\|/g, '')
    .replace(/\\-/g, '-')
    .trim();

function phrases(files: readonly string[], most: number, dice: () => number): OrdinaryText[] {
  const found: OrdinaryText[] = [];
  for (const file of files.flatMap((pattern) => globSync(pattern))) {
    const words = readText(file)
      .split('\n')
      .filter((word) => word.length > 1);
    if (words.length === 0) continue;
    for (let count = 0; count < most; count += 1) {
      const length = 3 + Math.floor(dice() * 12);
      const text = Array.from({ length }, () => pick(dice, words)).join(' ');
      found.push({ kind: 'words', text });
    }
  }
  return found;
}

const given = [
  'Anna',
  'Łukasz',
  'Zoë',
  'Søren',
  'Nguyễn',
  'Siobhán',
  'François',
  'İbrahim',
  'Ольга',
  'Δημήτρης',
  '美咲',
  'Ahmed',
  "D'Angelo",
  'Mary-Jane',
  'José',
  'Ngozi',
];
const family = [
  "O'Brien",
  'Müller',
  'García López',
  'van der Berg',
  'Çelik',
  'Иванова',
  '山田',
  'Nwosu',
  "N'Diaye",
  'Smith & Sons',
  'Kovačević',
  'Ó Súilleabháin',
  'Al-Farsi',
  'Drop',
  'Null',
  'Union',
];
const streets = [
  'High Street',
  'rue de l’Église',
  "Rue d'Alésia",
  'Königstraße',
  'Calle Mayor',
  'ул. Ленина',
  '桜通り',
  'Via Roma',
  "St. Mary's Lane",
  'Plaza de España',
  'Å-vej',
  'Union Street',
  'Select Court',
];
const towns = [
  'Stratford-upon-Avon',
  'São Paulo',
  'Köln',
  'Łódź',
  "L'Aquila",
  'Québec',
  'İzmir',
  'Санкт-Петербург',
  '東京',
  "Coeur d'Alene",
  'Århus',
  "King's Lynn",
];
const forms = [
  (dice: () => number) => `${pick(dice, given)} ${pick(dice, family)}`,
  (dice: () => number) => `${pick(dice, family)}, ${pick(dice, given)} (${1 + Math.floor(dice() * 99)})`,
  (dice: () => number) => `${1 + Math.floor(dice() * 400)} ${pick(dice, streets)}, ${pick(dice, towns)}`,
  (dice: () => number) =>
    `${pick(dice, given)} ${pick(dice, family)}\n${pick(dice, streets)} ${1 + Math.floor(dice() * 99)}; flat #${1 + Math.floor(dice() * 20)}\n${pick(dice, towns)}`,
  (dice: () => number) =>
    `c/o ${pick(dice, family)} - ${pick(dice, streets)} ${Math.floor(dice() * 99)}/${Math.floor(dice() * 9)}, ${pick(dice, towns)}`,
];

const people = (count: number, dice: () => number): OrdinaryText[] =>
  Array.from({ length: count }, () => ({ kind: 'names and addresses', text: pick(dice, forms)(dice) }));

/** @param share 1 gives more than 5,000 texts where Debian's documents are installed. */
export function gatherTexts(share: number): OrdinaryText[] {
  const dice = createDice(2026);
  const many = Math.ceil(share * 900);
  const manuals = paragraphs('manuals', ['/usr/share/man/man[1-8]/*.gz'], many, dice);
  return [
    ...phrases(
      ['/usr/share/dict/words', '/usr/share/dict/*-english', '/usr/share/dict/{french,german,ngerman,spanish,italian}'],
      many / 2,
      dice,
    ),
    ...paragraphs('documents', ['/usr/share/doc/*/README*', '/usr/share/doc/*/NEWS*'], many, dice),
    ...paragraphs('licences', ['/usr/share/doc/*/copyright'], many, dice),
    ...paragraphs('change logs', ['/usr/share/doc/*/changelog*'], many, dice),
    ...manuals.map(({ kind, text }) => ({ kind, text: unroff(text) })).filter(({ text }) => text.length > 20),
    ...people(many, dice),
    ...paragraphs('source code', ['/usr/lib/python3*/**/*.py', '/usr/share/perl/*/**/*.pm'], many, dice),
  ];
}
