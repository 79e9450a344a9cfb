export type { Attack, AttackResult, Judgement, Probe, ProbeResult, Severity, Verdict } from './attack.ts';
export { attacks, domainOf, domains } from './attacks/index.ts';
export {
  type CheckedItem,
  type CheckReport,
  check,
  checklist,
  type Facts,
  type Fix,
  type Gap,
  type Owner,
  type ProjectFiles,
  type RunningFacts,
  readProject,
  type State,
} from './checklist/index.ts';
export { type ProveCode, proveCodes } from './errors.ts';
export type {
  ControlTarget,
  EdgeTarget,
  EdgeTls,
  KeyPairPem,
  LedgerTarget,
  Mutation,
  ProveTarget,
  SampleRequest,
  ServiceApi,
} from './ports.ts';
export { type CheckLook, checkMarkdown, formatCheck, formatCheckTally } from './report/check.ts';
export { toJson } from './report/json.ts';
export { toMarkdown } from './report/markdown.ts';
export { formatResult, formatSummary, formatTable, formatTally, type TableOptions } from './report/table.ts';
export { type ProveOptions, type ProveReport, prove, type Tally } from './run.ts';
export type { Observation } from './wire/observation.ts';
