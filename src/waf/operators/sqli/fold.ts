import type { Token } from './tokens.ts';

/** Pairs of words that are one. */
const pairs: ReadonlyMap<string, string> = new Map([
  ['group by', 'B'],
  ['order by', 'B'],
  ['partition by', 'B'],
  ['into outfile', 'W'],
  ['into dumpfile', 'W'],
  ['union all', 'U'],
  ['union distinct', 'U'],
  ['except all', 'U'],
  ['intersect all', 'U'],
  ['not like', 'o'],
  ['not in', 'o'],
  ['not between', 'o'],
  ['not regexp', 'o'],
  ['not rlike', 'o'],
  ['is not', 'o'],
  ['sounds like', 'o'],
  ['similar to', 'o'],
  ['drop table', 'S'],
  ['drop database', 'S'],
  ['drop schema', 'S'],
  ['drop user', 'S'],
  ['drop view', 'S'],
  ['drop procedure', 'S'],
  ['drop function', 'S'],
  ['truncate table', 'S'],
  ['alter table', 'S'],
  ['alter user', 'S'],
  ['create table', 'S'],
  ['create user', 'S'],
  ['create function', 'S'],
  ['create procedure', 'S'],
  ['create database', 'S'],
  ['insert into', 'I'],
  ['delete from', 'I'],
  ['replace into', 'I'],
  ['waitfor delay', 'S'],
  ['waitfor time', 'S'],
  ['load data', 'S'],
  ['exec master', 'S'],
  ['select distinct', 'E'],
  ['select all', 'E'],
  ['select top', 'E'],
]);

/** First words of pairs. */
export const firstWords: ReadonlySet<string> = new Set(
  [...pairs.keys()].map((pair) => pair.slice(0, pair.indexOf(' '))),
);

/** `'a' not 'b'`, `'a' in 'b'`: words of a list, in no language of queries. */
const isMisplaced = (before: Token | undefined, { word }: Token, next: Token | undefined): boolean =>
  (word === 'not' || word === 'in') && next?.kind === 's' && before?.kind === 's';

/** The kinds of tokens, those of pairs joined. */
function joinPairs(tokens: readonly Token[]): string {
  let kinds = '';
  for (let index = 0; index < tokens.length; index += 1) {
    const token = tokens[index]!;
    const next = tokens[index + 1];
    const pair = next !== undefined && firstWords.has(token.word) ? pairs.get(`${token.word} ${next.word}`) : undefined;
    kinds += pair ?? (isMisplaced(tokens[index - 1], token, next) ? '?' : token.kind);
    if (pair !== undefined) index += 1;
  }
  return kinds;
}

const reductions: readonly (readonly [RegExp, string])[] = [
  // A sign before a term belongs to it.
  [/(^|[(,;&o=EkUFBT])o+(?=[1svnfD(])/g, '$1'],
  [/(^|[(,;&=EkUBT])=(?=[1svnfD(])/g, '$1'],
  // Arithmetic on numbers is a number; a qualified name is a name.
  [/1o1/g, '1'],
  [/n\.[n*o]/g, 'n'],
  // A term in parentheses is a term.
  [/(^|[^nfD])\(([1svn])\)/g, '$1$2'],
];

/** Every reduction needs one of these. */
const foldable = /[o=.(]/;

/** Token kinds as one text, simplified until nothing more can be. */
export function foldKinds(tokens: readonly Token[]): string {
  let kinds = joinPairs(tokens);
  if (!foldable.test(kinds)) return kinds;
  for (let round = 0; round < 8; round += 1) {
    const before = kinds;
    for (const [form, replacement] of reductions) kinds = kinds.replace(form, replacement);
    if (kinds === before) break;
  }
  return kinds;
}
