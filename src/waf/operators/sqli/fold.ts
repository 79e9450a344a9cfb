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

function joinPairs(tokens: readonly Token[]): Token[] {
  const joined: Token[] = [];
  for (const token of tokens) {
    const before = joined.at(-1);
    const pair = before === undefined ? undefined : pairs.get(`${before.text} ${token.text}`.toLowerCase());
    if (pair === undefined) joined.push(token);
    else joined[joined.length - 1] = { kind: pair, text: `${before!.text} ${token.text}` };
  }
  return joined;
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

/** Token kinds as one text, simplified until nothing more can be. */
export function foldKinds(tokens: readonly Token[]): string {
  let kinds = joinPairs(tokens)
    .map(({ kind }) => kind)
    .join('');
  for (let round = 0; round < 8; round += 1) {
    const before = kinds;
    for (const [form, replacement] of reductions) kinds = kinds.replace(form, replacement);
    if (kinds === before) break;
  }
  return kinds;
}
