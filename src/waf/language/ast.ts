import type { Position } from '../errors.ts';

// SecLang as it is written. What names mean is decided when rules are compiled.

export interface DirectiveNode {
  readonly name: string;
  readonly args: readonly string[];
  readonly at: Position;
}

export type SelectorNode =
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'regex'; readonly source: string };

/** `&ARGS`, `!ARGS:token`, `REQUEST_HEADERS:/^x-/`. */
export interface VariableNode {
  /** Upper case. */
  readonly name: string;
  readonly selector?: SelectorNode;
  /** `!`: taken out of the list. */
  readonly excluded: boolean;
  /** `&`: how many there are. */
  readonly counted: boolean;
}

export interface OperatorNode {
  readonly name: string;
  readonly parameter: string;
  readonly negated: boolean;
}

export interface ActionNode {
  /** Lower case. */
  readonly name: string;
  readonly value: string | undefined;
}
