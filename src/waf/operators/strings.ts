import { expand, parseMacro } from '../language/macro.ts';
import { isWordByte } from '../regex/byte-set.ts';
import { lowercase } from '../transformations/bytes.ts';
import type { OperatorFactory } from './operator.ts';

type Comparison = (value: string, parameter: string) => boolean;

/** An operator that compares two texts; the parameter may hold macros. `searches`: a match contains the parameter. */
function comparing(compare: Comparison, searches: boolean): OperatorFactory {
  return (parameter) => {
    const macro = parseMacro(parameter);
    const { constant } = macro;
    const matches: ReturnType<OperatorFactory>['matches'] = (text, scope) => compare(text.raw, expand(macro, scope));
    if (constant === undefined || !searches || constant === '') return { matches };
    return { matches, requirements: { literals: [lowercase(constant)], sets: [], minLength: constant.length } };
  };
}

function containsWord(value: string, word: string): boolean {
  if (word === '') return true;
  const isBoundary = (at: number): boolean => at < 0 || at >= value.length || !isWordByte(value.charCodeAt(at));
  for (let at = value.indexOf(word); at >= 0; at = value.indexOf(word, at + 1)) {
    if (isBoundary(at - 1) && isBoundary(at + word.length)) return true;
  }
  return false;
}

export const stringOperators: Readonly<Record<string, OperatorFactory>> = {
  beginsWith: comparing((value, wanted) => value.startsWith(wanted), true),
  endsWith: comparing((value, wanted) => value.endsWith(wanted), true),
  contains: comparing((value, wanted) => value.includes(wanted), true),
  containsWord: comparing(containsWord, true),
  strmatch: comparing((value, wanted) => value.includes(wanted), true),
  streq: comparing((value, wanted) => value === wanted, true),
  within: comparing((value, list) => list.includes(value), false),
};

/** The number at the beginning of a text, as atoi(3) reads it; 0 where there is none. */
export function leadingInteger(text: string): number {
  const value = Number.parseInt(text, 10);
  return Number.isNaN(value) ? 0 : value;
}

function counting(compare: (value: number, parameter: number) => boolean): OperatorFactory {
  return (parameter) => {
    const macro = parseMacro(parameter);
    const constant = macro.constant === undefined ? undefined : leadingInteger(macro.constant);
    return {
      matches: (text, scope) => compare(leadingInteger(text.raw), constant ?? leadingInteger(expand(macro, scope))),
    };
  };
}

export const numberOperators: Readonly<Record<string, OperatorFactory>> = {
  eq: counting((value, wanted) => value === wanted),
  ge: counting((value, wanted) => value >= wanted),
  gt: counting((value, wanted) => value > wanted),
  le: counting((value, wanted) => value <= wanted),
  lt: counting((value, wanted) => value < wanted),
};

export const constantOperators: Readonly<Record<string, OperatorFactory>> = {
  noMatch: () => ({ matches: () => false }),
  unconditionalMatch: () => ({ matches: () => true }),
};
