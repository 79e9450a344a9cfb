import { ordinaryBytes } from '../match/byte-kinds.ts';
import { createLazyDfa, isRegular } from './lazy-dfa.ts';
import { defaultFlags, parseRegex, type RegexFlags } from './parse.ts';
import { createPike } from './pike.ts';
import { compileProgram } from './program.ts';
import { type Requirements, requirementsOf } from './requirements.ts';
import { isAnchored, isWholeText } from './syntax.ts';

/** A compiled expression over byte strings, whose every operation takes time linear in the text. */
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
  const { node, groups } = parseRegex(source, { ...defaultFlags, ...flags });
  const program = compileProgram(node, groups);
  const anchored = isAnchored(node);
  const takesAll = isWholeText(node);
  const find = createPike(program, anchored);
  const test = isRegular(program) ? createLazyDfa(program, anchored) : (text: string) => find(text) !== undefined;
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
