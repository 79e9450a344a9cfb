export type { Attack, AttackResult, Judgement, Observation, Probe, ProbeResult, Severity, Verdict } from './attack.ts';
export { attacks, domainOf, domains } from './attacks/index.ts';
export { type ProveCode, proveCodes } from './errors.ts';
export type {
  ControlTarget,
  EdgeTarget,
  KeyPairPem,
  LedgerTarget,
  Mutation,
  ProveTarget,
  SampleRequest,
  ServiceApi,
} from './ports.ts';
export { toJson } from './report/json.ts';
export { toMarkdown } from './report/markdown.ts';
export { formatResult, formatSummary, formatTable, formatTally, type TableOptions } from './report/table.ts';
export { type ProveOptions, type ProveReport, prove, type Tally } from './run.ts';
