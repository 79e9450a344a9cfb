import { expand, parseMacro } from '../language/macro.ts';
import type { Text } from '../match/text.ts';
import { compileRegex, type Regex } from '../regex/regex.ts';
import type { Operator, OperatorFactory } from './operator.ts';

const maxKnown = 64;
const noCaptures: readonly string[] = [];

/** An expression with variables in it: compiled for each of their values, the last few of which are kept. */
function varying(parameter: string): Operator {
  const macro = parseMacro(parameter);
  const known = new Map<string, Regex>();
  const regexFor = (source: string): Regex => {
    let regex = known.get(source);
    if (regex === undefined) {
      regex = compileRegex(source);
      if (known.size >= maxKnown) known.clear();
      known.set(source, regex);
    }
    return regex;
  };
  return {
    matches: (text, scope) => regexFor(expand(macro, scope)).test(text.raw),
    captures: (text, scope) => regexFor(expand(macro, scope)).exec(text.raw) ?? noCaptures,
  };
}

/** What the expression captures in a text. Of texts that are remembered it is kept. */
function capturesIn(regex: Regex, text: Text): readonly (string | undefined)[] {
  if (text.noted === undefined) return regex.exec(text.raw) ?? noCaptures;
  text.captured ??= new Map();
  const known = text.captured.get(regex);
  if (known !== undefined) return known;
  const captures = regex.exec(text.raw) ?? noCaptures;
  text.captured.set(regex, captures);
  return captures;
}

export const rx: OperatorFactory = (parameter) => {
  if (parseMacro(parameter).constant === undefined) return varying(parameter);
  const regex = compileRegex(parameter);
  return {
    matches: (text) => regex.test(text.raw),
    captures: (text) => capturesIn(regex, text),
    requirements: regex.requirements,
  };
};
