import { ordinaryKinds } from '../../match/byte-kinds.ts';
import { kindsOfText, type Text } from '../../match/text.ts';
import { complement, setOf } from '../../regex/byte-set.ts';
import { compileRegex } from '../../regex/regex.ts';
import type { Operator, OperatorFactory } from '../operator.ts';
import { isSure, withoutQuotedStatements } from './certainty.ts';
import { firstWords, foldKinds } from './fold.ts';
import { type QuoteContext, tokenise } from './tokens.ts';
import { wordTypes } from './words.ts';

// The judgement: what sequences of kinds make sense to a database and hardly to a person. Kinds are listed in tokens.ts;
// `W` is `into outfile`, `S` a whole statement such as `drop table`, `I` one that needs more (`insert into`).

/** In any place of any value. */
const anywhere: readonly RegExp[] = [
  /U\(*E/,
  // `Union Street, ...` is an address.
  /U\(*k?[1sv(],/,
  /U\(*kn,/,
  /D\(/,
  /f\(+(?:f|E)/,
  /E(?:[1svo]|f\(|\(|n,|n\()[^;]{0,40}F[n(s]/,
  /En[,o=&]*[^;]{0,20}F[n(](?:$|[;c,)]|kn?[=o1])/,
  /Ev/,
  /E(?:f\(|[1s],)/,
  /EX/,
  /XE|X1?[UE&TSf]/,
  /\(+E[1svnof(*]/,
  /[1svn)]\)*;\(*[TSIEDk]/,
  /;(?:S|T[n1sv(k]|E|v=|I)/,
  /S[n(s]/,
  /In(?:\(|k)/,
  /I[n.]+\(/,
  /Tnk(?:n|v)=/,
  /[1sn)]W/,
  /kk[^;]{0,20}k[1svnf(]/,
  /T[v]/,
];

/** Where the value stands by itself, as a number does in a query. */
const bare: readonly RegExp[] = [
  /^\(*[1sv]\)*&\(*[1svnfD][^;]{0,6}[=o]\(*[1svnf(]/,
  /^\(*[n]\)*&\(*[1sv][=o]\(*[1svf(]/,
  /^\(*[1sv]\)*&\(*(?:f|E|D)/,
  /^\(*[1v]\)*&\(*[1sv]\)*c/,
  /^\(*[1vs]\)*B\(*[1n(fs]/,
  /^\(*1\)+c/,
  /^\(*[1sv]\)*[=o]\(*(?:E|f\(f|D)/,
  /^\(*[1sv]\)*U(?:[(kE]|$)/,
  /^&\(*[1sv][=o]\(*[1svf(]/,
  /^\(*[n1]\)*[=o]\(*f\(/,
];

/** Where the value breaks out of a string: the first kind is that string. */
const quoted: readonly RegExp[] = [
  /^s\)*c/,
  /^s\)*&\(*[1svfDE]/,
  /^s\)*&\(*n(?:[=o(]|c|$)/,
  /^s\)*;(?:c|$|[TSIEDk])/,
  /^s\)*[UEWB]\(*[1svnofD(*k]/,
  /^s\)*=\(*[1svnfDE(]/,
  /^s\)*o\(*(?:s$|sc|s[o=&]|f\(|E|D|v|1[c&=)]|n\()/,
  /^s\)*[&o=]*\)*;?c$/,
  /^s\)*k\(*[1s]/,
  /^s,\(*(?:E|f\(|D|[1s],)/,
  /^s\)*T/,
  /^s&s/,
];

const anyOf = (forms: readonly RegExp[]): RegExp => new RegExp(forms.map(({ source }) => source).join('|'));
const bareForms = anyOf([...anywhere, ...bare]);
const quotedForms = anyOf([...anywhere, ...quoted]);

function judge(value: string, context: QuoteContext, certain: boolean): string | undefined {
  const text = certain && context !== '' ? withoutQuotedStatements(value) : value;
  const kinds = foldKinds(tokenise(text, context));
  if (kinds.length < 2 || !(context === '' ? bareForms : quotedForms).test(kinds)) return undefined;
  return certain && !isSure(text, context, kinds) ? undefined : kinds.slice(0, 8);
}

const minBytes = 3;

/**
 * Kinds of the first tokens where the value reads as an injection in some context; else undefined.
 * @param certain not where ordinary texts read so, too.
 */
export function detectSqli(value: string, certain = false): string | undefined {
  if (value.length < minBytes) return undefined;
  const found = judge(value, '', certain);
  if (found !== undefined) return found;
  if (value.includes("'")) {
    const single = judge(value, "'", certain);
    if (single !== undefined) return single;
  }
  return value.includes('"') ? judge(value, '"', certain) : undefined;
}

/** A single word, number or address is no injection into anything. */
const others = complement(setOf([0x2e, 0x2e], [0x30, 0x3a], [0x40, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]));

/** Without quotes, parentheses and semicolons, each form needs a word of one of these types. */
const telling = [...wordTypes].filter(([, type]) => 'EUTB&k'.includes(type)).map(([word]) => word);

const announcing = [...telling, ...firstWords];

/** One of them as a word of its own. A number may stand right before it. */
const announced = compileRegex(`(?i)(?:^|[^a-z_])(?:${announcing.join('|')})(?:$|[^a-z0-9_$\\x80-\\xff])`);

/** Whether an ordinary text has none of these words: `order` and `for` only hold their letters. */
const isPlain = (text: Text): boolean => (kindsOfText(text) & ~ordinaryKinds) === 0 && !announced.test(text.raw);

const operator = (certain: boolean): Operator => ({
  requirements: {
    literals: undefined,
    sets: [others],
    minLength: minBytes,
    ordinary: { literals: announcing, sets: [others], minLength: minBytes, endsWord: true },
  },
  matches: (text) => !isPlain(text) && detectSqli(text.raw, certain) !== undefined,
  captures: (text) => [detectSqli(text.raw, certain)],
});

/** `@detectSQLi`; `@detectSQLi sure` holds only for what no ordinary text has. */
export const detectSqliOperator: OperatorFactory = (parameter) => operator(parameter.trim() === 'sure');
