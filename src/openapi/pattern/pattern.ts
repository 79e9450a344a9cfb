// User-written patterns without the danger of catastrophic backtracking. A pattern that can be matched in one way only
// runs on the engine's own matcher, in linear time; any other runs on an automaton of ours, also in linear time; what
// neither can do (back-references, look-arounds but for leading look-aheads) is refused when the document is loaded.
import { type CharSet, endSymbol, isSubset, startSymbol, unite } from './char-set.ts';
import { LinearMatcher } from './linear-matcher.ts';
import { type Automaton, buildAutomaton, isAnchoredAtEnd, isAnchoredAtStart } from './positions.ts';
import { type ParsedPattern, PatternFault, parsePattern, type Tree } from './syntax.ts';

/** Something that says whether a text matches. */
export interface Matcher {
  test(text: string): boolean;
}

const longestSource = 5000;

/** What keeps `source` from being used, as the end of a sentence; undefined where nothing does. */
export function patternFault(source: string): { readonly message: string; readonly hint?: string } | undefined {
  try {
    analyse(source);
    return undefined;
  } catch (error) {
    if (!(error instanceof PatternFault)) throw error;
    return { message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
  }
}

/** A matcher whose time is linear in the text. Throws `PatternFault` where `patternFault` finds one. */
export function compilePattern(source: string): Matcher {
  const { parsed, automaton, lookaheads, strict } = analyse(source);
  if (strict && parsed.lookaheads.length === 0 && isSafeForBacktracking(automaton)) return new RegExp(source, 'u');
  const main = new LinearMatcher(automaton);
  if (lookaheads.length === 0) return main;
  const others = lookaheads.map((each, index) => ({
    matcher: new LinearMatcher(each),
    holds: parsed.lookaheads[index]?.holds,
  }));
  return { test: (text) => main.test(text) && others.every(({ matcher, holds }) => matcher.test(text) === holds) };
}

interface Analysis {
  readonly parsed: ParsedPattern;
  readonly automaton: Automaton;
  readonly lookaheads: readonly Automaton[];
  /** It is valid with the `u` flag, as JSON Schema wants it; many patterns in the field are not (`\-`, `\_`). */
  readonly strict: boolean;
}

function analyse(source: string): Analysis {
  if (source.length > longestSource) throw new PatternFault(`is longer than ${longestSource} characters`);
  const strict = isRegExp(source, 'u');
  if (!strict && !isRegExp(source, '')) throw new PatternFault('is not a regular expression of ECMAScript');
  const parsed = parsePattern(source);
  const lookaheads = parsed.lookaheads.map(({ body }) => buildAutomaton(body));
  return { parsed, automaton: buildAutomaton(parsed.body), lookaheads, strict };
}

function isRegExp(source: string, flags: string): boolean {
  try {
    new RegExp(source, flags);
    return true;
  } catch {
    return false;
  }
}

/** Whether a backtracking engine has no choice to revise, so that it never reads a character more than a few times. */
function isSafeForBacktracking(automaton: Automaton): boolean {
  if (automaton.ambiguous) return false;
  // Tried anew at each character: harmless only if no attempt runs far.
  return isAnchoredAtStart(automaton) || !canRunFar(automaton);
}

/** Whether an attempt that fails in the end may have read without bound: a cycle among positions from which there is no success yet. */
function canRunFar({ follow, last, nullable }: Automaton): boolean {
  if (nullable) return false;
  const state = new Uint8Array(follow.length);
  const visit = (position: number): boolean => {
    if (last.has(position) || state[position] === 2) return false;
    if (state[position] === 1) return true;
    state[position] = 1;
    for (const next of follow[position] as ReadonlySet<number>) if (visit(next)) return true;
    state[position] = 2;
    return false;
  };
  return follow.some((_successors, position) => visit(position));
}

// Letters, digits and the marks of identifiers, numbers and dates: no quote, bracket, slash, space, `%`, `;`, `=` or control.
const harmless: CharSet = unite([
  [0x2b, 0x2b],
  [0x2d, 0x2e],
  [0x30, 0x3a],
  [0x40, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
]);

/** Whether whole texts that match consist of harmless characters only. */
export function pinsAlphabet(source: string): boolean {
  try {
    const { automaton } = analyse(source);
    const anchors = (set: CharSet): boolean => set[0]?.[0] === startSymbol || set[0]?.[0] === endSymbol;
    return (
      isAnchoredAtStart(automaton) &&
      isAnchoredAtEnd(automaton) &&
      automaton.sets.every((set) => anchors(set) || isSubset(set, harmless))
    );
  } catch (error) {
    if (error instanceof PatternFault) return false;
    throw error;
  }
}

/** A text that matches, short and always the same; look-aheads are not honoured. */
export function sampleOfPattern(source: string, minLength = 0): string {
  const { parsed } = analyse(source);
  const shortest = sampleOfTree(parsed.body, 0);
  return shortest.length >= minLength ? shortest : sampleOfTree(parsed.body, minLength);
}

/** Repeats what may be repeated so often that at least `minLength` characters come out, where that is possible. */
function sampleOfTree(tree: Tree, minLength: number): string {
  switch (tree.kind) {
    case 'set':
      return sampleOfSet(tree.set);
    case 'sequence': {
      let text = '';
      const shortest = tree.parts.map((part) => sampleOfTree(part, 0).length);
      tree.parts.forEach((part, index) => {
        const rest = shortest.slice(index + 1).reduce((sum, length) => sum + length, 0);
        text += sampleOfTree(part, minLength - text.length - rest);
      });
      return text;
    }
    case 'choice': {
      const texts = tree.options.map((option) => sampleOfTree(option, minLength));
      return texts.find((text) => text.length >= minLength) ?? (texts[0] as string);
    }
    case 'repeat': {
      const body = sampleOfTree(tree.body, 0);
      const wanted = body.length === 0 ? tree.min : Math.ceil(Math.max(0, minLength) / body.length);
      return body.repeat(Math.min(Math.max(tree.min, wanted), tree.max));
    }
  }
}

function sampleOfSet(set: CharSet): string {
  const preferred = ['a', 'A', '0', '-'].map((char) => char.codePointAt(0) as number);
  const point =
    preferred.find((wanted) => set.some(([first, last]) => first <= wanted && wanted <= last)) ?? set[0]?.[0] ?? 0x61;
  return point >= startSymbol ? '' : String.fromCodePoint(point);
}
