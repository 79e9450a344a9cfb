import { ordinaryBytes } from '../match/byte-kinds.ts';
import { createBacktracker } from './backtrack.ts';
import { createLazyDfa, isRegular } from './lazy-dfa.ts';
import { defaultFlags, type ParsedRegex, parseRegex, type RegexFlags } from './parse.ts';
import { createPike } from './pike.ts';
import { compileProgram } from './program.ts';
import { checkProgramLength } from './program-length.ts';
import { type Requirements, requirementsOf } from './requirements.ts';
import { hasReference, isAnchored, isWholeText, loosen, type Node } from './syntax.ts';
import { createWordTwice, type FindStart } from './word-twice.ts';

/** A compiled expression over byte strings. Every operation takes time linear in the text, or has a budget that is. */
export interface Regex {
  readonly requirements: Requirements;
  readonly groups: number;
  test(text: string): boolean;
  /** The leftmost match and its groups (undefined where one took no part), or undefined. */
  exec(text: string): readonly (string | undefined)[] | undefined;
}

/**
 * Compiles PCRE syntax (`source` is a byte string). Dot matches line feeds, `$` the very end: ModSecurity's DOTALL and
 * DOLLAR_ENDONLY.
 * @throws MerlonError `waf.bad-regex`.
 */
export function compileRegex(source: string, flags: Partial<RegexFlags> = {}): Regex {
  const parsed = parseRegex(source, { ...defaultFlags, ...flags });
  const { node, groups } = parsed;
  const takesAll = isWholeText(node);
  const { test, find } = hasReference(node) ? backtracking(node, groups) : whenAsked(parsed, source, flags);
  return {
    requirements: requirementsOf(node, ordinaryBytes),
    groups,
    test,
    exec(text) {
      if (takesAll) return [text];
      const captures = find(text);
      if (captures === undefined) return undefined;
      const found: (string | undefined)[] = [];
      for (let slot = 0; slot < captures.length; slot += 2) {
        found.push(captures[slot + 1]! < 0 ? undefined : text.slice(captures[slot], captures[slot + 1]));
      }
      return found;
    },
  };
}

interface Finder {
  test(text: string): boolean;
  find(text: string): Int32Array | undefined;
}

/**
 * Most expressions are never asked about a text, since requirements rule them out: what runs one is made for its first text, a matter
 * of a millisecond, from the source, which takes the least to keep. Whatever could be wrong with it is found at once.
 */
function whenAsked({ node }: ParsedRegex, source: string, flags: Partial<RegexFlags>): Finder {
  checkProgramLength(node);
  let made: Finder | undefined;
  const make = (): Finder => {
    const { node: whole, groups } = parseRegex(source, { ...defaultFlags, ...flags });
    made = automatic(whole, groups, isAnchored(whole));
    return made;
  };
  return {
    test: (text) => (made ?? make()).test(text),
    find: (text) => (made ?? make()).find(text),
  };
}

const mayMatch = (node: Node, anchored: boolean): ((text: string) => boolean) =>
  createLazyDfa(compileProgram(loosen(node), 0), anchored);

function automatic(node: Node, groups: number, anchored: boolean): Finder {
  const program = compileProgram(node, groups);
  const find = createPike(program, anchored);
  if (isRegular(program)) return { test: createLazyDfa(program, anchored), find };
  const possible = mayMatch(node, anchored);
  return { test: (text) => possible(text) && find(text) !== undefined, find };
}

function backtracking(node: Node, groups: number): Finder {
  const startOf = createWordTwice(node, groups);
  if (startOf !== undefined) return comparing(startOf, createBacktracker(node, groups));
  const possible = mayMatch(node, false);
  const search = createBacktracker(node, groups);
  const find = (text: string): Int32Array | undefined => (possible(text) ? search(text) : undefined);
  return { test: (text) => find(text) !== undefined, find };
}

/** One attempt is made, where a match is known to begin. */
function comparing(startOf: FindStart, search: ReturnType<typeof createBacktracker>): Finder {
  return {
    test: (text) => startOf(text) >= 0,
    find(text) {
      const start = startOf(text);
      return start < 0 ? undefined : search(text, start);
    },
  };
}
