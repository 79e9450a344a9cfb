import { expand, parseMacro } from '../language/macro.ts';
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

export const rx: OperatorFactory = (parameter) => {
  if (parseMacro(parameter).constant === undefined) return varying(parameter);
  const regex = compileRegex(parameter);
  return {
    matches: (text) => regex.test(text.raw),
    captures: (text) => regex.exec(text.raw) ?? noCaptures,
    requirements: regex.requirements,
  };
};
