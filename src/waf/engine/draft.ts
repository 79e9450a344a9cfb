import { type Position, ruleFault, unsupported } from '../errors.ts';
import { parseActions } from '../language/actions.ts';
import type { ActionNode, DirectiveNode, OperatorNode, VariableNode } from '../language/ast.ts';
import { parseOperator } from '../language/operator.ts';
import { parseVariables } from '../language/variables.ts';
import { byId, byMessage, byTag } from './control.ts';
import { isDispensable, reasonToLeaveOut } from './left-out.ts';
import { type ActionList, compileActions } from './link.ts';
import type { Link } from './model.ts';
import { unsupportedDirectives } from './unsupported.ts';

// Between text and compiled rules: directives that change other rules are carried out here.

export interface RuleDraft {
  readonly kind: 'rule';
  readonly at: Position;
  variables: VariableNode[] | undefined;
  operator: OperatorNode | undefined;
  actions: readonly ActionNode[];
  compiled: ActionList;
  /** Defaults in force where the rule stands, by phase. */
  readonly defaults: ReadonlyMap<number, ActionList>;
  next: RuleDraft | undefined;
}

export interface MarkerDraft {
  readonly kind: 'marker';
  readonly name: string;
}

/** A directive that sets an option. */
export interface OptionDraft {
  /** As written. */
  readonly name: string;
  readonly args: readonly string[];
  readonly at: Position;
}

export interface Draft {
  items: (RuleDraft | MarkerDraft)[];
  readonly options: OptionDraft[];
  /** What loads and does less here than elsewhere. */
  readonly warnings: string[];
}

interface Reading extends Draft {
  readonly defaults: Map<number, ActionList>;
  /** The rule whose chain the next one continues. */
  open: RuleDraft | undefined;
  readonly changes: (() => void)[];
}

type Handler = (reading: Reading, node: DirectiveNode) => void;

function want(node: DirectiveNode, least: number, most: number): void {
  if (node.args.length < least || node.args.length > most) {
    throw ruleFault(
      node.at,
      'waf.syntax',
      `\`${node.name}\` takes ${least === most ? least : `${least} to ${most}`} arguments, not ${node.args.length}`,
    );
  }
}

/** Actions that do less here than their authors may expect. */
const weaker: readonly (readonly [RegExp, string])[] = [
  [/^initcol /, 'the collection lasts for one transaction'],
  [/^(?:expirevar|deprecatevar) /, 'it has no effect: collections last for one transaction'],
  [/^ctl (?:auditlogparts|debugloglevel)\b/i, 'it has no effect: decisions go to the audit ledger'],
];

/** One warning for each kind of action in each file. */
function warn(reading: Reading, { name, value = '' }: ActionNode, at: Position): void {
  const reason = weaker.find(([form]) => form.test(`${name} ${value}`))?.[1];
  const what = name === 'ctl' ? `ctl:${value.split('=', 1)[0]}` : name;
  const start = `${at.file}:`;
  const end = ` \`${what}\`: ${reason}`;
  const isTold = reading.warnings.some((told) => told.startsWith(start) && told.endsWith(end));
  if (reason !== undefined && !isTold) reading.warnings.push(`${start}${at.line}:${end}`);
}

const compileEffective = (actions: readonly ActionNode[], at: Position): ActionList =>
  compileActions(
    actions.filter(({ name }) => !isDispensable(name)),
    at,
  );

function addRule(
  reading: Reading,
  node: DirectiveNode,
  variables: VariableNode[] | undefined,
  operator: OperatorNode | undefined,
  actions: string,
): void {
  const nodes = parseActions(actions, node.at);
  for (const action of nodes) warn(reading, action, node.at);
  const rule: RuleDraft = {
    kind: 'rule',
    at: node.at,
    variables,
    operator,
    actions: nodes,
    compiled: compileEffective(nodes, node.at),
    defaults: new Map(reading.defaults),
    next: undefined,
  };
  if (reading.open !== undefined) reading.open.next = rule;
  else {
    if (rule.compiled.id === undefined) throw ruleFault(node.at, 'waf.syntax', 'a rule needs an `id`');
    reading.items.push(rule);
  }
  reading.open = rule.compiled.chained ? rule : undefined;
}

/** Makes a rule that never matches of one that is left out: what skips over it still counts it. */
function leaveOut(reading: Reading, rule: RuleDraft): void {
  const parts: RuleDraft[] = [];
  for (let part: RuleDraft | undefined = rule; part !== undefined; part = part.next) parts.push(part);
  const reason = reasonToLeaveOut(parts);
  if (reason === undefined) return;
  const { id, phase } = rule.compiled;
  reading.warnings.push(`${rule.at.file}:${rule.at.line}: rule ${id} is left out: ${reason}`);
  rule.variables = [];
  rule.operator = { name: 'noMatch', parameter: '', negated: false };
  rule.actions = [];
  rule.compiled = { ...compileActions([], rule.at), id, phase };
  rule.next = undefined;
}

const rulesOf = (draft: Draft): RuleDraft[] => draft.items.filter((item) => item.kind === 'rule');

/** What an exclusion asks of a rule that is not compiled yet. */
function asLink(rule: RuleDraft): Link {
  return {
    id: rule.compiled.id ?? 0,
    tags: rule.compiled.tags,
    message: { parts: [rule.compiled.message], constant: undefined },
  } as unknown as Link;
}

type Selects = (text: string) => (link: Link) => boolean;

function removing(by: Selects): Handler {
  return (reading, node) => {
    want(node, 1, 100);
    const tests = node.args
      .flatMap((arg) => arg.split(/[\s,]+/))
      .filter((arg) => arg !== '')
      .map(by);
    reading.changes.push(() => {
      reading.items = reading.items.filter(
        (item) => item.kind === 'marker' || !tests.some((test) => test(asLink(item))),
      );
    });
  };
}

function retargeting(by: Selects): Handler {
  return (reading, node) => {
    want(node, 2, 3);
    const test = by(node.args[0]!);
    const nodes = parseVariables(node.args[1]!, node.at);
    const replaced = node.args[2] === undefined ? undefined : parseVariables(node.args[2], node.at)[0];
    reading.changes.push(() => {
      for (const rule of rulesOf(reading).filter((one) => test(asLink(one)))) {
        if (rule.variables === undefined) continue;
        const index =
          replaced === undefined
            ? -1
            : rule.variables.findIndex((one) => one.name === replaced.name && keyOf(one) === keyOf(replaced));
        if (index >= 0) rule.variables.splice(index, 1, ...nodes);
        else rule.variables.push(...nodes);
      }
    });
  };
}

const keyOf = ({ selector }: VariableNode): string =>
  selector === undefined ? '' : selector.kind === 'key' ? selector.key : selector.source;

/** Actions that a rule has any number of; the others replace what was there. */
const repeatable: ReadonlySet<string> = new Set(['tag', 'setvar', 'ctl', 'initcol']);
const disruptive: ReadonlySet<string> = new Set(['deny', 'drop', 'pass', 'block', 'redirect', 'allow']);

const updateActions: Handler = (reading, node) => {
  want(node, 2, 2);
  const test = byId(node.args[0]!);
  const added = parseActions(node.args[1]!, node.at);
  if (added.some(({ name }) => name === 'id' || name === 'phase'))
    throw ruleFault(node.at, 'waf.bad-value', 'an update cannot change `id` or `phase`');
  const replaces = (name: string): boolean =>
    !repeatable.has(name) &&
    added.some((one) => one.name === name || (disruptive.has(one.name) && disruptive.has(name)));
  reading.changes.push(() => {
    for (const rule of rulesOf(reading).filter((one) => test(asLink(one)))) {
      rule.actions = [...rule.actions.filter(({ name }) => !replaces(name)), ...added];
      rule.compiled = compileEffective(rule.actions, rule.at);
    }
  });
};

const handlers: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  [
    'secrule',
    (reading, node) => {
      want(node, 2, 3);
      addRule(reading, node, parseVariables(node.args[0]!, node.at), parseOperator(node.args[1]!), node.args[2] ?? '');
    },
  ],
  [
    'secaction',
    (reading, node) => {
      want(node, 1, 1);
      addRule(reading, node, undefined, undefined, node.args[0]!);
    },
  ],
  [
    'secmarker',
    (reading, node) => {
      want(node, 1, 1);
      reading.items.push({ kind: 'marker', name: node.args[0]! });
    },
  ],
  [
    'secdefaultaction',
    (reading, node) => {
      want(node, 1, 1);
      const actions = compileActions(parseActions(node.args[0]!, node.at), node.at);
      if (actions.disruption === 'block')
        throw ruleFault(node.at, 'waf.bad-value', 'a default action cannot be `block`');
      reading.defaults.set(actions.phase ?? 2, actions);
    },
  ],
  ['secruleremovebyid', removing(byId)],
  ['secruleremovebytag', removing(byTag)],
  ['secruleremovebymsg', removing(byMessage)],
  ['secruleupdatetargetbyid', retargeting(byId)],
  ['secruleupdatetargetbytag', retargeting(byTag)],
  ['secruleupdatetargetbymsg', retargeting(byMessage)],
  ['secruleupdateactionbyid', updateActions],
]);

function read(reading: Reading, node: DirectiveNode): void {
  const name = node.name.toLowerCase();
  const reason = name.startsWith('<') ? 'sections belong to a web server' : unsupportedDirectives.get(name);
  if (reason !== undefined) throw unsupported(node.at, `\`${node.name}\``, reason);
  const handler = handlers.get(name);
  if (handler !== undefined) return handler(reading, node);
  reading.options.push({ name: node.name, args: node.args, at: node.at });
}

function checkIds(draft: Draft): void {
  const known = new Map<number, Position>();
  for (const rule of rulesOf(draft)) {
    const id = rule.compiled.id!;
    const before = known.get(id);
    if (before !== undefined)
      throw ruleFault(rule.at, 'waf.duplicate-id', `the id \`${id}\` is taken by ${before.file}:${before.line}`);
    known.set(id, rule.at);
  }
}

/** Reads directives in order, then carries out those that remove or update rules. */
export function draftRules(directives: readonly DirectiveNode[]): Draft {
  const reading: Reading = { items: [], options: [], warnings: [], defaults: new Map(), open: undefined, changes: [] };
  for (const node of directives) read(reading, node);
  if (reading.open !== undefined) throw ruleFault(reading.open.at, 'waf.syntax', 'a chain has no next rule');
  for (const rule of rulesOf(reading)) leaveOut(reading, rule);
  checkIds(reading);
  for (const change of reading.changes) change();
  return reading;
}
