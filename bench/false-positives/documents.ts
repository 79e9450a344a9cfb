// Texts out of files that Debian and npm install: paragraphs of documents, manuals and source code, and what programs say
// to people in their languages.
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { createDice, type Dice, digestOf, pick } from './dice.ts';

/** A kind of text, and where its documents lie. */
export interface Source {
  readonly kind: string;
  readonly patterns: readonly string[];
  /** Texts of one document; undefined: its paragraphs. */
  readonly textsOf?: (bytes: Buffer) => readonly string[];
  /** How many texts for each lot. */
  readonly many: number;
}

const shortest = 40;
const longest = 1500;

/** Documents about attacks quote them: those are no ordinary texts. */
const quotesAttacks = /modsecurity|sqlmap|slowhttptest/;

const paragraphs = (text: string): readonly string[] => text.split(/\n\s*\n/);

/** A manual page without its markup. */
const unroff = (text: string): string =>
  text
    .replace(/^[.'].*$/gm, '')
    .replace(/\\f(?:[BIRP]|\(?CW|\[[^\]]*\])|\\&|\\\||\\s[-+]?\d/g, '')
    .replace(/\\(?:\(aq|\[aq\])/g, "'")
    .replace(/\\-/g, '-')
    .replace(/\\e/g, '\\');

/** The translations in a catalogue of messages (GNU gettext, `.mo`, either byte order). */
function messagesOf(bytes: Buffer): readonly string[] {
  if (bytes.length < 28) return [];
  const isLittle = bytes.readUInt32LE(0) === 0x950412de;
  const at = (offset: number): number => (isLittle ? bytes.readUInt32LE(offset) : bytes.readUInt32BE(offset));
  const table = at(16);
  // The first is the catalogue's head.
  return Array.from({ length: Math.max(0, at(8) - 1) }, (_, index) => {
    const entry = table + 8 * (index + 1);
    return bytes.subarray(at(entry + 4), at(entry + 4) + at(entry)).toString('utf8');
  }).map((text) => text.split('\0')[0] ?? '');
}

const manual = (bytes: Buffer): readonly string[] => paragraphs(unroff(bytes.toString('utf8')));

const modules = resolve(import.meta.dirname, '../../node_modules');

export const sources: readonly Source[] = [
  {
    kind: 'documents',
    patterns: ['/usr/share/doc/*/{README,NEWS,TODO,FAQ,HACKING}*', '/usr/share/doc/**/*.{md,rst,txt,txt.gz,rst.gz}'],
    many: 800,
  },
  { kind: 'licences', patterns: ['/usr/share/doc/*/copyright', '/usr/share/common-licenses/*'], many: 300 },
  { kind: 'change logs', patterns: ['/usr/share/doc/*/changelog*'], many: 400 },
  { kind: 'manuals', patterns: ['/usr/share/man/man[1-8]/*.gz'], textsOf: manual, many: 700 },
  {
    kind: 'manuals, translated',
    patterns: ['/usr/share/man/{[a-z][a-z],[a-z][a-z]_[A-Z][A-Z]}/man[1-8]/*.gz'],
    textsOf: manual,
    many: 600,
  },
  {
    kind: 'messages, translated',
    patterns: ['/usr/share/locale/*/LC_MESSAGES/*.mo'],
    textsOf: messagesOf,
    many: 800,
  },
  {
    kind: 'package READMEs',
    patterns: [join(modules, '**/{README,readme,CHANGELOG}*.md'), '/usr/lib/node_modules/**/*.md'],
    many: 700,
  },
  { kind: 'source: Python', patterns: ['/usr/lib/python3*/**/*.py'], many: 250 },
  {
    kind: 'source: JavaScript',
    patterns: [
      join(modules, '{ajv,commander,jose,yaml,zod,fast-*,undici*,re2*,vitest,vite,typescript}/**/*.{js,ts,mjs,cjs}'),
      '/usr/lib/node_modules/**/*.js',
      '/usr/share/javascript/**/*.js',
    ],
    many: 250,
  },
  { kind: 'source: C', patterns: ['/usr/include/**/*.h'], many: 150 },
  { kind: 'source: Perl, Tcl, Vim', patterns: ['/usr/share/{perl,tcltk,vim}/**/*.{pm,pl,tcl,vim}'], many: 150 },
  {
    kind: 'source: SQL, shell',
    patterns: [
      '/usr/share/postgresql/**/*.sql',
      '/etc/init.d/*',
      '/usr/{share,lib}/**/*.sh',
      '/usr/share/doc/*/examples/**/*.sh*',
    ],
    many: 100,
  },
];

function textsIn(file: string, { textsOf }: Source): readonly string[] {
  try {
    const packed = readFileSync(file);
    const bytes = file.endsWith('.gz') ? gunzipSync(packed) : packed;
    return (textsOf?.(bytes) ?? paragraphs(bytes.toString('utf8')))
      .map((text) => text.trim())
      .filter((text) => text.length >= shortest && text.length <= longest && !/[\0\ufffd]/.test(text));
  } catch {
    // A folder, a dangling link, a broken archive: it holds no text.
    return [];
  }
}

/** Files of a source in an order that nobody chose. */
function filesOf({ patterns }: Source): string[] {
  const files = patterns.flatMap((pattern) => globSync(pattern)).filter((file) => !quotesAttacks.test(file));
  return [...new Set(files)].sort((a, b) => digestOf(a) - digestOf(b) || (a < b ? -1 : 1));
}

/** One text of each document in turn, until there are enough; `isNew` says whether a text has not been taken before. */
function draw(files: readonly string[], source: Source, many: number, isNew: IsNew): string[] {
  const dice: Dice = createDice(2026);
  const found: string[] = [];
  for (let round = 0; round < 8 && found.length < many; round += 1) {
    for (const file of files) {
      if (found.length >= many) break;
      const texts = textsIn(file, source);
      const text = texts.length === 0 ? '' : pick(dice, texts);
      if (text !== '' && isNew(text)) found.push(text);
    }
  }
  return found;
}

/** In which of `many` lots of documents one is: the same on every machine. */
const lotOf = (lot: string, file: string, many: number): number =>
  digestOf(`${lot} ${file.replace(modules, '')}`) % many;

type IsNew = (text: string) => boolean;

/** Texts of all documents, drawn in three lots: a document belongs to one alone. */
export function drawTuned(source: Source, share: number, isNew: IsNew): readonly string[] {
  const files = filesOf(source);
  return [0, 1, 2].flatMap((lot) =>
    draw(
      files.filter((file) => lotOf('part', file, 3) === lot),
      source,
      Math.ceil(source.many * share),
      isNew,
    ),
  );
}

/** Documents are cut into so many folds, too; rules were made better by all texts of those below `fresh.from`. */
const folds = 20;
const fresh = { from: 17, to: 19 };

/** Texts of documents that nobody has looked into, but for those that are drawn above. */
export function drawFresh(source: Source, share: number, isNew: IsNew): readonly string[] {
  const isFresh = (fold: number): boolean => fold >= fresh.from && fold <= fresh.to;
  const files = filesOf(source).filter((file) => isFresh(lotOf('fold', file, folds)));
  return draw(files, source, Math.ceil(source.many * share), isNew);
}
