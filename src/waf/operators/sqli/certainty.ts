import type { QuoteContext } from './tokens.ts';

// Source code and prose about programs hold what reads like SQL: `default="-"`, `; set the property`. Inside a text only forms
// count as sure that make an attack work wherever they stand. What is left out is of little use behind other words:
// `admin'--` needs the name to stand in front.

/** From so many bytes on a value is a text; so much in front of the quote that breaks out is one, where it has a space. */
const textBytes = 40;
const leadBytes = 2;

/** A quote at the beginning opens a text that goes on so long. */
const quotedTextBytes = 40;

/** What stands before a query inside another: a value, a sign, a word that joins. A statement by itself breaks out of nothing. */
const joined = '[1sv);(&o=UkBT]';

/** Forms that any value may have, less sure in a text. */
const sureAnywhere: readonly RegExp[] = [
  /U\(*E/,
  /U\(*k\(+[1sv]/,
  // `sleep(5)`, and not `sleep (Nordic)`, nor a call by itself in some program.
  /(?:^|[&o=E(,kBTUW])D\((?:[1svEDf(])/,
  /f\(+E/,
  new RegExp(`${joined}E(?:[1svo]|f\\(|\\(|n,|n\\()[^;]{0,40}F[n(s]`),
  new RegExp(`${joined}En[,o=&]*[^;]{0,20}F[n(](?:$|[;c,)]|kn?[=o1])`),
  /Ev/,
  new RegExp(`${joined}E(?:f\\(|[1s],)`),
  /EX/,
  /XE|X1?[UE&TSf]/,
  // Not `select()`, which is a call of some program.
  /\(+E(?:[1svo]|\(+[^)(]|f\(|n(?:[,(F]|\)*[;c]))/,
  /[1svn)]\)*;\(*(?:[SI]|T[1sv(k]|Tn(?:[(=ck1v]|;c))/,
  /;(?:S|T[1sv(k]|Tn(?:[(=ck1v]|;c)|kv=|I)/,
  /;\(*E(?:[1v(o]|[sn](?:[,;)coF]|$)|f\(|D)/,
  /[1sv);]S[n(s]/,
  /[1sv);]In(?:\(|k)/,
  /[1sv);]I[n.]+\(/,
  /[1sv);]Tnk(?:n|v)=/,
  /[1sn)]W/,
];

const sureBare: readonly RegExp[] = [
  /^\(*[1sv]\)*&\(*(?:[1svn]\)*=\(*[1svnf(]|[1svn]\)*o\(*[1sv]|[fD]\()/,
  /^\(*[n]\)*&\(*[1sv][=o]\(*[1svf(]/,
  /^\(*[1sv]\)*&\(*(?:E|D)/,
  /^&\(*[1sv][=o]\(*[1svf(]/,
];

const sureQuoted: readonly RegExp[] = [
  // A number that a name follows is counted: `'a' or 0 requests`.
  /^s\)*&\(*(?:[1v](?:$|[^n?,])|[fDE]|s[=oc])/,
  /^s\)*&\(*n(?:[=(c]|o\(*(?:[1sv]|n(?:$|ks|[;co&)])))/,
  /^s\)*;(?:[SIE]|T[1sv(k]|Tn[(=;ck1v])/,
  /^s\)*(?:U\(*k?\(|W)/,
  /^s\)*B\(*[1fD(](?:$|[c,;)])/,
  /^s\)*[=o]\(*(?:E|D|f\()/,
  /^s\)*os(?:&|=\(*[1nvf])/,
  /^s,\(*(?:E|D)/,
  // Whatever follows the quote, then the rest of the query cut off behind some term.
  /^s\)*[=ok,].{0,7}[1svn)]c$/,
];

const anyOf = (forms: readonly RegExp[]): RegExp => new RegExp(forms.map(({ source }) => source).join('|'));
const bareForms = anyOf([...sureAnywhere, ...sureBare]);
const quotedForms = anyOf([...sureAnywhere, ...sureQuoted]);

function isText(value: string, context: QuoteContext): boolean {
  if (context === '') return value.length >= textBytes;
  if (value.length >= quotedTextBytes) return true;
  const lead = value.slice(0, value.indexOf(context));
  return lead.length >= leadBytes && /\s/.test(lead);
}

const quotedStatement =
  /"""\s*(?=(?:select|insert|update|delete|create|alter|drop)\s)|(?<=[=(:,[\s])(["'])(?:select|create|alter|insert|update|delete|drop)\s[^"'#]*[\w)*`;.?]\s?\1(?=[\s,;.)\]]|$)/gi;

/**
 * A text without the statements that it quotes whole (`--sql='SELECT 1 FROM x'`). As part of a query such a quote would end a string
 * with no word that joins, and the one at the end would begin another where none may stand. What comments out the rest, needs no end.
 */
export function withoutQuotedStatements(text: string): string {
  if (text.length < quotedTextBytes) return text;
  return text.replace(quotedStatement, (whole) => (/--|\/\*/.test(whole) ? whole : ' '));
}

/** A statement right behind the quote, and nothing that would take care of the quote behind the value: `" Create table` in some comment. */
const isUnclosed = (value: string, context: QuoteContext, kinds: string): boolean =>
  /^s\)*[SI]/.test(kinds) && value.indexOf(context) === value.lastIndexOf(context) && !/--|#|\/\*|[;\0]/.test(value);

/** `Sleep (Nordic) AB`: a name with something in parentheses. */
const heading = /^D\(n+\)n*$/;

/** A value that begins as a statement does, or as the rest of one, stands in for no term of another: it is a script. */
const scriptWords = /^\s*(?:explain|prepare|describe|analyze|do|with|rollback|commit|savepoint|declare)\b/i;
const script = /^(?:[STI]|E(?!X)|F(?!.*D)|D\(1?\);(?!\(*[STIE]))/;

/** What stands in front of a form, and in no query: three names side by side, a block of some program. */
const unreadable = /n{3}|[)n]\{/;
/** No more does a value that stands by itself begin with two names. */
const unreadableStart = /^n{2}/;

function holds(form: RegExp, kinds: string): boolean {
  const found = form.exec(kinds);
  return found !== null && !unreadable.test(kinds.slice(0, found.index + 1));
}

/** `"--exclude"`: what a quote is followed by is an option, and no comment. */
const option = /["']\)*--[a-z]/i;
const keyword = /[UEDTSI;&]/;

/** A statement that no text needs. */
const waits = /\bwaitfor\s+(?:delay|time)\s*['"]/i;

/** Whether a value that has been found to read as an injection, by these kinds, is one beyond what people write. */
export function isSure(value: string, context: QuoteContext, kinds: string): boolean {
  if (waits.test(value)) return true;
  if (option.test(value) && !keyword.test(kinds)) return false;
  if (!isText(value, context)) return !heading.test(kinds);
  if (context !== '') return !isUnclosed(value, context, kinds) && holds(quotedForms, kinds);
  return !script.test(kinds) && !scriptWords.test(value) && !unreadableStart.test(kinds) && holds(bareForms, kinds);
}
