export { defaultWafOptions, type WafOptions } from './config.ts';
export type { HeaderField, WafRequest, WafResponse } from './engine/message.ts';
export { type WafErrorCode, wafErrorCodes } from './errors.ts';
export { findingsOf } from './findings.ts';
export { mask } from './mask.ts';
export type { MatchedRule, MatchedVariable, WafReport } from './report.ts';
export type { RuleFacts } from './rule-facts.ts';
export { compileWaf, type Inspection, type RouteWaf, type Waf } from './waf.ts';
