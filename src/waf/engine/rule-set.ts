import { MerlonError } from '../../core/errors.ts';
import { placed, ruleFault } from '../errors.ts';
import { parseDirectives } from '../language/directives.ts';
import { parseMacro } from '../language/macro.ts';
import { createSieveShelf, type SieveShelf } from '../match/sieve-shelf.ts';
import { type ChainTable, createChainTable, createTextMemory, type TextMemory } from '../match/text.ts';
import { operators, unsupportedOperators } from '../operators/index.ts';
import type { Operator, OperatorSources } from '../operators/operator.ts';
import { type Draft, draftRules, type RuleDraft } from './draft.ts';
import { type ActionList, compileChain } from './link.ts';
import type { Condition, Disruption, Entry, Link } from './model.ts';
import { type RuleSetOptions, readOptions } from './options.ts';
import { createTargetTable, type TargetTable } from './targets.ts';

/** Text of one file of rules, and its name for messages. */
export interface RuleFile {
  readonly name: string;
  readonly text: string;
}

export interface RuleSetSource {
  readonly files: readonly RuleFile[];
  /** Data files of `pmFromFile` and its kin, by name without folder. */
  readonly data: Readonly<Record<string, string>>;
}

export interface RuleSet {
  /** Entries of phase 1 to 5, at that index. */
  readonly phases: readonly (readonly Entry[])[];
  readonly options: RuleSetOptions;
  readonly rules: number;
}

/** What all rule sets that look at the same requests share. */
export interface Workshop {
  readonly chains: ChainTable;
  readonly targets: TargetTable;
  readonly groups: Map<string, number>;
  readonly memory: TextMemory;
  readonly sieves: SieveShelf;
}

export const createWorkshop = (): Workshop => ({
  chains: createChainTable(),
  targets: createTargetTable(),
  groups: new Map(),
  sieves: createSieveShelf(),
  memory: createTextMemory(),
});

interface Compilation {
  readonly workshop: Workshop;
  readonly sources: OperatorSources;
}

const toBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

function compileOperator(name: string, parameter: string, sources: OperatorSources): Operator {
  const lower = name.toLowerCase();
  const factory = operators.get(lower);
  if (factory !== undefined) return factory(parameter, sources);
  const reason = unsupportedOperators.get(lower);
  throw reason === undefined
    ? new MerlonError({ code: 'waf.unknown-name', message: `there is no operator \`@${name}\`` })
    : new MerlonError({ code: 'waf.unsupported', message: `the operator \`@${name}\` is not supported: ${reason}` });
}

/** Operators that look for the marks of an attack in text. */
const detecting: ReadonlySet<string> = new Set([
  'rx',
  'pm',
  'pmf',
  'pmfromfile',
  'contains',
  'containsword',
  'detectsqli',
  'detectxss',
]);

function compileCondition(
  compilation: Compilation,
  rule: RuleDraft,
  head: Head,
  names: readonly string[],
): Condition | undefined {
  const { variables, operator: node } = rule;
  if (variables === undefined || node === undefined) return undefined;
  const { workshop, sources } = compilation;
  const targets = workshop.targets.compile(variables, rule.at);
  const operator = placed(rule.at, () => compileOperator(node.name, node.parameter, sources));
  const { chain, stages } = compileChain(names, workshop.chains, rule.at);
  const key = `${targets.id}/${chain.id}`;
  const group = workshop.groups.get(key) ?? workshop.groups.size;
  workshop.groups.set(key, group);
  const name = node.name.toLowerCase();
  const skipsPinned = !node.negated && detecting.has(name) && head.tags.some((tag) => tag.startsWith('attack-'));
  return {
    targets,
    operatorName: node.name,
    operator,
    parameter: parseMacro(node.parameter),
    negated: node.negated,
    chain,
    stages: rule.compiled.multiMatch ? stages : [],
    group,
    skipsPinned,
  };
}

/** What the rules of a chain have from its first. */
interface Head {
  readonly id: number;
  readonly phase: number;
  readonly tags: readonly string[];
}

function disruptionOf(actions: ActionList, defaults: ActionList | undefined): Disruption {
  const byDefault =
    defaults?.disruption === undefined || defaults.disruption === 'block'
      ? { kind: 'pass' as const }
      : defaults.disruption;
  if (actions.disruption === undefined || actions.disruption === 'block') return byDefault;
  return actions.disruption;
}

function compileLink(compilation: Compilation, rule: RuleDraft, head: Head): Link {
  const { compiled: actions } = rule;
  const defaults = rule.defaults.get(head.phase);
  const names = [...(defaults?.transformations ?? []), ...actions.transformations];
  return {
    id: head.id,
    at: rule.at,
    phase: head.phase,
    condition: compileCondition(compilation, rule, head, names),
    capture: actions.capture,
    effects: actions.effects,
    disruption: disruptionOf(actions, defaults),
    status: actions.status ?? defaults?.status ?? 403,
    message: parseMacro(actions.message),
    data: parseMacro(actions.data),
    tags: actions === rule.compiled && rule.compiled.id === undefined ? head.tags : actions.tags,
    severity: actions.severity,
    log: actions.log ?? defaults?.log ?? true,
    audit: actions.audit ?? defaults?.audit ?? true,
    version: actions.version,
    next: rule.next === undefined ? undefined : compileLink(compilation, rule.next, head),
    skip: actions.skip,
    skipAfter: actions.skipAfter,
  };
}

/** Lays out the rules of one phase, each jump resolved to an index. */
function layOut(draft: Draft, links: ReadonlyMap<RuleDraft, Link>, phase: number): Entry[] {
  const rules: Link[] = [];
  const markers = new Map<string, number>();
  for (const item of draft.items) {
    if (item.kind === 'marker') markers.set(item.name, rules.length);
    else {
      const link = links.get(item)!;
      if (link.phase === phase) rules.push(link);
    }
  }
  return rules.map((link, index) => ({ link, jump: jumpOf(link, index, markers, rules.length) }));
}

function jumpOf(link: Link, index: number, markers: ReadonlyMap<string, number>, end: number): number | undefined {
  const target = lastOf(link);
  const skipAfter = link.skipAfter ?? target.skipAfter;
  if (skipAfter !== undefined) return markers.get(skipAfter) ?? end;
  const skip = link.skip === 0 ? target.skip : link.skip;
  return skip === 0 ? undefined : index + 1 + skip;
}

const lastOf = (link: Link): Link => (link.next === undefined ? link : lastOf(link.next));

function checkMarkers(draft: Draft): void {
  const markers = new Set(draft.items.map((item) => (item.kind === 'marker' ? item.name : '')));
  for (const item of draft.items) {
    if (item.kind === 'marker' || item.compiled.skipAfter === undefined || markers.has(item.compiled.skipAfter))
      continue;
    throw ruleFault(item.at, 'waf.unknown-name', `there is no marker \`${item.compiled.skipAfter}\``);
  }
}

/**
 * Compiles files of SecLang, in order.
 * @throws MerlonError with the file and line of the first fault.
 */
export function compileRuleSet(source: RuleSetSource, workshop: Workshop): RuleSet {
  const directives = source.files.flatMap((file) => parseDirectives(toBytes(file.text), file.name));
  const draft = draftRules(directives);
  checkMarkers(draft);
  const sources: OperatorSources = {
    readData: (name) => {
      const file = name.slice(name.lastIndexOf('/') + 1);
      return Object.hasOwn(source.data, file) ? toBytes(source.data[file]!) : undefined;
    },
  };
  const compilation: Compilation = { workshop, sources };
  const links = new Map<RuleDraft, Link>();
  for (const rule of draft.items) {
    if (rule.kind === 'marker') continue;
    const head: Head = { id: rule.compiled.id!, phase: rule.compiled.phase ?? 2, tags: rule.compiled.tags };
    links.set(rule, compileLink(compilation, rule, head));
  }
  const phases = [0, 1, 2, 3, 4, 5].map((phase) => layOut(draft, links, phase));
  return { phases, options: readOptions(draft), rules: links.size };
}
