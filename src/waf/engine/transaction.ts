import type { Clock } from '../../core/clock.ts';
import type { BodyLimits, ParsedBody } from '../body/body.ts';
import type { MacroName } from '../language/macro.ts';
import type { Text, TextMemory } from '../match/text.ts';
import type { WafRequest, WafResponse } from './message.ts';
import type { Link } from './rule.ts';
import type { Value } from './value.ts';

export type EngineMode = 'on' | 'detection-only' | 'off';

/** Targets that an exclusion takes out of rules while a request is looked at. */
export interface Removal {
  readonly applies: (link: Link) => boolean;
  /** Upper-case collection. */
  readonly collection: string;
  /** Undefined: the whole collection. */
  readonly covers: ((value: Value) => boolean) | undefined;
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

/** Values and texts of a set of targets, and what the sieve says of all of them together. */
export interface Group {
  readonly values: readonly Value[];
  readonly texts: readonly Text[];
  readonly union: Uint32Array | undefined;
}

/** Everything known about one request while rules run on it. */
export interface Transaction {
  request: WafRequest;
  readonly clock: Clock;
  readonly startedAt: number;
  response: WafResponse | undefined;
  phase: number;
  mode: EngineMode;
  readonly limits: BodyLimits;
  readonly isPinned: (place: 'query' | 'header' | 'cookie' | 'body', name: string) => boolean;
  /** Computed collections, by name. */
  readonly lists: Map<string, readonly Value[]>;
  /** The same, for what changes with the phase. */
  readonly phaseLists: Map<string, readonly Value[]>;
  readonly groups: (Group | undefined)[];
  /** Lower-case keys. */
  readonly tx: Map<string, Value>;
  /** IP, GLOBAL, SESSION ...: live as long as the transaction. */
  readonly stores: Map<string, Map<string, Value>>;
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
  readonly removedRules: Set<number>;
  readonly removedTags: ((tag: string) => boolean)[];
  readonly removedMessages: ((message: string) => boolean)[];
  readonly removals: Removal[];
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
