import type { Clock } from '../../core/clock.ts';
import type { BodyLimits, ParsedBody } from '../body/body.ts';
import type { Position } from '../errors.ts';
import type { Macro, MacroName } from '../language/macro.ts';
import type { ChainNode, Text, TextMemory } from '../match/text.ts';
import type { Operator } from '../operators/operator.ts';
import type { WafRequest, WafResponse } from './message.ts';
import type { Value } from './value.ts';

// Compiled rules and the requests that they run on.

/** A test of values. */
export type ValueTest = (value: Value, transaction: Transaction) => boolean;

/** One variable of a rule. */
export interface Target {
  readonly collection: string;
  /** In lower case, where the variable is a single member of its collection. */
  readonly key: string | undefined;
  /** Gives the number of values, not the values. */
  readonly counted: boolean;
  /** Whether the variable names a member of its collection; undefined: it names all. */
  readonly covers: ((value: Value) => boolean) | undefined;
  /** Shows its values to a test, in order, until one passes. */
  some(transaction: Transaction, test: ValueTest): boolean;
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
  /** Its values are worth keeping from rule to rule. */
  readonly kept: boolean;
}

/** A test of rules. */
export type Applies = (link: Link) => boolean;

/** What an effect may change of what later rules depend on. */
export type Reach =
  /** One variable of TX (in lower case). */
  | { readonly kind: 'variable'; readonly key: string }
  /** Variables of TX that begin so. */
  | { readonly kind: 'variables'; readonly prefix: string }
  /** Rules that do not run from here on. */
  | { readonly kind: 'removal'; readonly applies: Applies }
  /** One variable (in lower case) of a collection such as IP; undefined: any of them. */
  | { readonly kind: 'store'; readonly collection: string; readonly key: string | undefined }
  /** Nothing that decides which rules run. */
  | { readonly kind: 'aside' }
  | { readonly kind: 'anything' };

/** Something that a match does, apart from denying. */
export interface Effect {
  readonly reach: Reach;
  /** Variables on whose values it depends. */
  readonly reads: readonly MacroName[];
  apply(transaction: Transaction, matched: MatchedValue): void;
}

export type Disruption =
  | { readonly kind: 'pass' }
  | { readonly kind: 'deny' | 'drop' }
  | { readonly kind: 'redirect'; readonly location: Macro }
  | { readonly kind: 'allow'; readonly scope: 'phase' | 'request' | 'all' };

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

/** The links of a chain, its head first. */
export const linksOf = (head: Link): Link[] => [head, ...(head.next === undefined ? [] : linksOf(head.next))];

/** Whether a match is to be told of or acted upon, rather than only change variables. */
export const isSeen = (head: Link): boolean =>
  head.log || head.severity !== undefined || head.disruption.kind !== 'pass';

export interface Condition {
  readonly targets: TargetSet;
  readonly operatorName: string;
  readonly operator: Operator;
  /** Of the operator. */
  readonly parameter: Macro;
  readonly negated: boolean;
  readonly chain: ChainNode;
  /** Chains whose every result is tried; empty without `multiMatch`. */
  readonly stages: readonly ChainNode[];
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

export type EngineMode = 'on' | 'detection-only' | 'off';

/** Targets that an exclusion takes out of rules while a request is looked at. */
export interface Removal {
  readonly applies: Applies;
  /** Upper-case collection. */
  readonly collection: string;
  /** Undefined: the whole collection. */
  readonly covers: ((value: Value) => boolean) | undefined;
}

/** What stands before a rule runs: all that rules depend on and that is not of the request. */
export interface Standing {
  /** Variables of TX, by lower-case key. */
  readonly variables: ReadonlyMap<string, Value>;
  /** Rules that do not run. */
  readonly removed: readonly Applies[];
  /** Targets that rules do not look at. */
  readonly removals: readonly Removal[];
}

/** What a rule answered. Texts are masked. */
export interface Match {
  readonly link: Link;
  readonly values: readonly MatchedValue[];
  readonly message: string;
  readonly data: string;
}

export interface MatchedValue {
  readonly name: string;
  /** After transformation. */
  readonly content: string;
}

export interface Interruption {
  readonly link: Link;
  readonly action: 'deny' | 'drop' | 'redirect';
  readonly status: number;
  readonly location: string | undefined;
}

/** Values of a set of targets, and their texts after a chain. */
export interface Group {
  readonly values: readonly Value[];
  readonly texts: readonly Text[];
}

/** Everything known about one request while rules run on it. */
export interface Transaction {
  readonly request: WafRequest;
  /** As far as it was buffered. */
  requestBody: Uint8Array | undefined;
  /** More was sent than `requestBody` holds. */
  isBodyTruncated: boolean;
  readonly clock: Clock;
  readonly startedAt: number;
  response: WafResponse | undefined;
  phase: number;
  mode: EngineMode;
  readonly limits: BodyLimits;
  readonly isPinned: (place: 'query' | 'header' | 'cookie' | 'body', name: string) => boolean;
  /** Computed collections, by their index. */
  readonly lists: (readonly Value[] | undefined)[];
  /** The same, for what changes with the phase. */
  readonly phaseLists: (readonly Value[] | undefined)[];
  /** By index of the group; these two, as most of what is rarely needed, are made when they are. */
  groups: Map<number, Group> | undefined;
  /** Values of each set of targets, by its id. */
  gathered: Map<number, readonly Value[]> | undefined;
  standing: Standing;
  /** Removals that came up with this request. */
  readonly removed: Applies[];
  readonly removals: Removal[];
  /** Variables of TX that this request has set, by lower-case key; undefined where it has removed one. */
  readonly variables: Map<string, Value | undefined>;
  /** How many of TX.0 to TX.9 may be set. */
  captures: number;
  /** The last phase that ran as foreseen; undefined once a request has taken a course of its own. */
  foreseen: number | undefined;
  /** IP, GLOBAL, SESSION ...: live as long as the transaction. */
  stores: Map<string, Map<string, Value>> | undefined;
  /** Processor that read, or will read, the body; empty: none. */
  processor: string;
  body: ParsedBody;
  /** Byte string of the body. */
  bodyText: string;
  responseBodyText: string;
  readsRequestBody: boolean;
  readsResponseBody: boolean;
  showsRequestBody: boolean;
  audits: boolean;
  /** What the rule at work has matched so far. */
  matched: MatchedValue[];
  current: Link | undefined;
  highestSeverity: number;
  readonly matches: Match[];
  interruption: Interruption | undefined;
  /** The first interruption that would have been, in detection only. */
  wouldInterrupt: Interruption | undefined;
  allowed: 'no' | 'phase' | 'request' | 'all';
  lookUp(name: MacroName): string;
  readonly mask: (value: string) => string;
  readonly memory: TextMemory;
}
