// What the control plane tells the data plane about the WAF. Rules travel as the text they were written in: the gateway
// parses and compiles them, and says no to a snapshot whose rules it cannot run. What a person writes is checked by the
// manifest's schema; these are types alone, so that the data plane loads no validator for them.

/** `detect` records what `block` would refuse. */
export type WafMode = 'off' | 'detect' | 'block';

interface RuleFileText {
  /** For messages: `rules/REQUEST-942-APPLICATION-ATTACK-SQLI.conf`. */
  readonly name: string;
  readonly text: string;
}

export interface RuleSetText {
  readonly name: string;
  /** SecLang, in the order in which a web server would include it. */
  readonly files: readonly RuleFileText[];
  /** Files of phrases and networks, by file name without folder. */
  readonly data: Readonly<Record<string, string>>;
}

/** Rules that do not run on a route, or do not look at one of its fields. Without `rules` and `tag`: all rules. */
export interface WafExclusion {
  /** `942100` or `942100-942199`. */
  readonly rules?: string | undefined;
  /** Rules with this very tag: `attack-sqli`. */
  readonly tag?: string | undefined;
  /** SecLang variables: `ARGS:comment`, `REQUEST_HEADERS:X-Token|ARGS:/^body_/`. Absent: the rules do not run at all. */
  readonly targets?: string | undefined;
}

/** A rule for one route, against one hole, for a while. */
export interface VirtualPatch {
  readonly id: string;
  readonly seclang: string;
  readonly owner: string;
  readonly reason: string;
  /** RFC 3339; from then on the patch does not run. */
  readonly expires: string;
}

export interface RouteWafConfig {
  readonly mode: WafMode;
  /** Paranoia level of the Core Rule Set and of the built-in rules. Absent: as the rule set has it. */
  readonly paranoia?: number | undefined;
  /** Sum of scores at which a request is refused. Absent: as the rule set has it. */
  readonly threshold?: number | undefined;
  /** Variables of `TX` that are set before the first rule, which may set them anew. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly exclusions: readonly WafExclusion[];
  readonly patches: readonly VirtualPatch[];
  /** Whether bodies of responses are read (phase 4). */
  readonly responseBody: boolean;
}

/** How the gateway runs the WAF on one route. */
export interface GatewayRouteWaf extends RouteWafConfig {
  /** Largest request body; a larger one is refused. */
  readonly bodyBytes: number;
  /** Whether bodies of requests pass unread. */
  readonly streamsBodies: boolean;
}

/** The rules, the same for all routes. */
export interface WafRules {
  /** Empty: the built-in rules. */
  readonly ruleSets: readonly RuleSetText[];
}

/** What the gateway's snapshot holds for the WAF. */
export interface WafSection extends WafRules {
  /** Of the rules: whoever has them compiled already keeps them. */
  readonly digest: string;
  /** Share of requests that are looked at, in percent. */
  readonly sampling: number;
  /** By route name. A route that is not here has no WAF. */
  readonly routes: Readonly<Record<string, GatewayRouteWaf>>;
}
