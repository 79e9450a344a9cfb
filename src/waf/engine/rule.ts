import type { Position } from '../errors.ts';
import type { Macro } from '../language/macro.ts';
import type { Sieve } from '../match/sieve.ts';
import type { ChainNode } from '../match/text.ts';
import type { Operator } from '../operators/operator.ts';
import type { MatchedValue, Transaction } from './transaction.ts';
import type { Value } from './value.ts';

/** Gathers the values of one variable of a rule. */
export interface Target {
  readonly collection: string;
  collect(transaction: Transaction, into: Value[]): void;
}

export interface Exclusion {
  readonly collection: string;
  /** Undefined: the whole collection. */
  readonly covers: ((value: Value) => boolean) | undefined;
}

/** The variables of a rule. Equal lists are one object, so that their values are gathered once. */
export interface TargetSet {
  readonly id: number;
  readonly targets: readonly Target[];
  readonly exclusions: readonly Exclusion[];
  /** Does not change while a phase runs. */
  readonly stable: boolean;
}

/** Something that a match does, apart from denying. */
export type Effect = (transaction: Transaction, matched: MatchedValue) => void;

export type Disruption =
  | { readonly kind: 'pass' }
  | { readonly kind: 'deny' | 'drop' }
  | { readonly kind: 'redirect'; readonly location: Macro }
  | { readonly kind: 'allow'; readonly scope: 'phase' | 'request' | 'all' };

/** How a prefilter can rule the operator out. */
export interface Sifted {
  readonly sieve: Sieve;
  readonly bit: number;
}

/** One SecRule or SecAction; a chain is a link and those that follow it. */
export interface Link {
  readonly id: number;
  readonly at: Position;
  readonly phase: number;
  /** Undefined: a SecAction, which always matches. */
  readonly condition: Condition | undefined;
  readonly capture: boolean;
  readonly effects: readonly Effect[];
  readonly disruption: Disruption;
  readonly status: number;
  readonly message: Macro;
  readonly data: Macro;
  readonly tags: readonly string[];
  /** 0 (emergency) to 7 (debug); undefined where none is given. */
  readonly severity: number | undefined;
  readonly log: boolean;
  readonly audit: boolean;
  readonly version: string;
  readonly next: Link | undefined;
  /** Steps over this many rules, or to a marker. */
  readonly skip: number;
  readonly skipAfter: string | undefined;
}

export interface Condition {
  readonly targets: TargetSet;
  readonly operatorName: string;
  readonly operator: Operator;
  readonly negated: boolean;
  readonly chain: ChainNode;
  /** Chains whose every result is tried; empty without `multiMatch`. */
  readonly stages: readonly ChainNode[];
  readonly sifted: Sifted | undefined;
  /** Index of the group of values that rules with the same targets and chain share. */
  readonly group: number;
  /** Looks for attacks only, so that values which the schema pins need not be shown to it. */
  readonly skipsPinned: boolean;
}

export interface Entry {
  readonly link: Link;
  /** Index of the entry to go on with after a match; undefined: the next. */
  readonly jump: number | undefined;
}
