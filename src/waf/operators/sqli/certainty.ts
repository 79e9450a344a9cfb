import type { QuoteContext } from './tokens.ts';

// Source code and prose about programs hold what reads like SQL: `default="-"`, `; set the property`. Inside a text only forms
// count as sure that make an attack work wherever they stand. What is left out is of little use behind other words:
// `admin'--` needs the name to stand in front.

/** From so many bytes on a value is a text; so much in front of the quote that breaks out is one, where it has a space. */
const textBytes = 40;
const leadBytes = 6;

/** Forms that any value may have, less sure in a text. */
const sureAnywhere: readonly RegExp[] = [
  /U\(*E/,
  /U\(*k?[1sv(],/,
  /U\(*kn,/,
  /D\(/,
  /f\(+E/,
  /E(?:[1svo]|f\(|\(|n,|n\()[^;]{0,40}F[n(s]/,
  /En[,o=&]*[^;]{0,20}F[n(](?:$|[;c,)]|kn?[=o1])/,
  /Ev/,
  /E(?:f\(|[1s],)/,
  /EX/,
  /XE|X1?[UE&TSf]/,
  /\(+E[1svnof(*]/,
  /[1svn)]\)*;\(*(?:[SIED]|T[1sv(k]|Tn[(=;ck1sv])/,
  /;(?:S|T[1sv(k]|Tn[(=;ck1sv]|E|kv=|I)/,
  /S[n(s]/,
  /In(?:\(|k)/,
  /I[n.]+\(/,
  /Tnk(?:n|v)=/,
  /[1sn)]W/,
];

const sureBare: readonly RegExp[] = [
  /^\(*[1sv]\)*&\(*[1svnfD][^;]{0,6}[=o]\(*[1svnf(]/,
  /^\(*[n]\)*&\(*[1sv][=o]\(*[1svf(]/,
  /^\(*[1sv]\)*&\(*(?:E|D)/,
  /^&\(*[1sv][=o]\(*[1svf(]/,
];

const sureQuoted: readonly RegExp[] = [
  /^s\)*&\(*(?:[1vfDE]|s[=oc])/,
  /^s\)*&\(*n(?:[=o(]|c)/,
  /^s\)*;(?:[SIED]|T[1sv(k]|Tn[(=;ck1sv])/,
  /^s\)*[UW]\(*[1s(k]/,
  /^s\)*B\(*[1fD(](?:$|[c,;)])/,
  /^s\)*[=o]\(*(?:E|D|f\()/,
  /^s\)*os[&=]/,
  /^s,\(*(?:E|D)/,
  // Whatever follows the quote, then the rest of the query cut off.
  /^s\)*[=ok,].*c$/,
];

const anyOf = (forms: readonly RegExp[]): RegExp => new RegExp(forms.map(({ source }) => source).join('|'));
const bareForms = anyOf([...sureAnywhere, ...sureBare]);
const quotedForms = anyOf([...sureAnywhere, ...sureQuoted]);

function isText(value: string, context: QuoteContext): boolean {
  if (context === '') return value.length >= textBytes;
  const lead = value.slice(0, value.indexOf(context));
  return lead.length >= leadBytes && /\s/.test(lead);
}

/** Whether a value that has been found to read as an injection, by these kinds, is one beyond what people write. */
export function isSure(value: string, context: QuoteContext, kinds: string): boolean {
  if (!isText(value, context)) return true;
  return (context === '' ? bareForms : quotedForms).test(kinds);
}
