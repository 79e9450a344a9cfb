import { z } from 'zod';

// What the control plane tells the data plane about the WAF. Rules travel as the text they were written in: the gateway
// parses and compiles them, and says no to a snapshot whose rules it cannot run.

/** `detect` records what `block` would refuse. */
export const wafModeSchema = z.enum(['off', 'detect', 'block']);

const ruleFileSchema = z.strictObject({
  /** For messages: `rules/REQUEST-942-APPLICATION-ATTACK-SQLI.conf`. */
  name: z.string().min(1).max(512),
  text: z.string().max(4_194_304),
});

export const ruleSetSourceSchema = z.strictObject({
  name: z.string().min(1).max(128),
  /** SecLang, in the order in which a web server would include it. */
  files: z.array(ruleFileSchema).max(512),
  /** Files of phrases and networks, by file name without folder. */
  data: z.record(z.string().max(256), z.string().max(4_194_304)).default({}),
});

const ruleSelector = {
  /** `942100` or `942100-942199`. */
  rules: z
    .string()
    .regex(/^\d{1,12}(-\d{1,12})?$/)
    .optional(),
  /** Rules with this very tag: `attack-sqli`. */
  tag: z.string().max(128).optional(),
};

/** Rules that do not run on a route, or do not look at one of its fields. Without `rules` and `tag`: all rules. */
export const wafExclusionSchema = z.strictObject({
  ...ruleSelector,
  /** SecLang variables: `ARGS:comment`, `REQUEST_HEADERS:X-Token|ARGS:/^body_/`. Absent: the rules do not run at all. */
  targets: z.string().min(1).max(2048).optional(),
});

/** A rule for one route, against one hole, for a while. */
export const virtualPatchSchema = z.strictObject({
  id: z.string().min(1).max(128),
  seclang: z.string().min(1).max(65_536),
  owner: z.string().min(1).max(256),
  reason: z.string().min(1).max(1024),
  /** RFC 3339; from then on the patch does not run. */
  expires: z.iso.datetime({ offset: true }),
});

export const routeWafSchema = z.strictObject({
  mode: wafModeSchema.default('block'),
  /** Paranoia level of the Core Rule Set and of the built-in rules. Absent: as the rule set has it. */
  paranoia: z.int().min(1).max(4).optional(),
  /** Sum of scores at which a request is refused. Absent: as the rule set has it. */
  threshold: z.int().min(1).max(10_000).optional(),
  exclusions: z.array(wafExclusionSchema).max(256).default([]),
  patches: z.array(virtualPatchSchema).max(64).default([]),
  /** Whether bodies of responses are read (phase 4). */
  responseBody: z.boolean().default(false),
});

export const wafSectionSchema = z.strictObject({
  /** Empty: the built-in rules. */
  ruleSets: z.array(ruleSetSourceSchema).max(16).default([]),
  /** By route id. A route that is not here has no WAF. */
  routes: z.record(z.string(), routeWafSchema).default({}),
});

export type WafMode = z.infer<typeof wafModeSchema>;
export type RuleSetText = z.infer<typeof ruleSetSourceSchema>;
export type WafExclusion = z.infer<typeof wafExclusionSchema>;
export type VirtualPatch = z.infer<typeof virtualPatchSchema>;
export type RouteWafConfig = z.infer<typeof routeWafSchema>;
export type WafSection = z.infer<typeof wafSectionSchema>;
