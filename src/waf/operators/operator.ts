import type { Scope } from '../language/macro.ts';
import type { Text } from '../match/text.ts';
import type { Requirements } from '../regex/requirements.ts';

/** A compiled operator with its parameter. */
export interface Operator {
  /** Whether the operator holds for the value. */
  matches(text: Text, scope: Scope): boolean;
  /** What `capture` stores in TX.0 to TX.9, for a value that matched. */
  captures?(text: Text, scope: Scope): readonly (string | undefined)[];
  /** What a value must contain to match: lets the sieve rule the operator out. */
  readonly requirements?: Requirements;
}

/** What operators need while they are compiled. */
export interface OperatorSources {
  /** Content of a file of phrases or networks that stands beside the rules; undefined where there is none. */
  readData(name: string): string | undefined;
}

export type OperatorFactory = (parameter: string, sources: OperatorSources) => Operator;
