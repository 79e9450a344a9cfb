import { MerlonError } from '../../core/errors.ts';
import { type Position, placed, ruleFault, unsupported } from '../errors.ts';
import type { ActionNode } from '../language/ast.ts';
import { parseMacro } from '../language/macro.ts';
import type { ChainNode, ChainTable } from '../match/text.ts';
import { transformations } from '../transformations/index.ts';
import { triggerOf } from '../transformations/triggers.ts';
import { compileControl } from './control.ts';
import type { Disruption, Effect } from './model.ts';
import { compileInitcol, compileSetvar } from './store.ts';

/** A list of actions, understood. */
export interface ActionList {
  readonly id: number | undefined;
  readonly phase: number | undefined;
  readonly disruption: Disruption | 'block' | undefined;
  readonly status: number | undefined;
  readonly message: string;
  readonly data: string;
  readonly tags: readonly string[];
  readonly severity: number | undefined;
  readonly version: string;
  readonly log: boolean | undefined;
  readonly audit: boolean | undefined;
  readonly capture: boolean;
  readonly multiMatch: boolean;
  readonly chained: boolean;
  readonly skip: number;
  readonly skipAfter: string | undefined;
  readonly effects: readonly Effect[];
  /** Names of transformations; `none` starts anew. */
  readonly transformations: readonly string[];
}

const severities = ['emergency', 'alert', 'critical', 'error', 'warning', 'notice', 'info', 'debug'];
const phaseNames: Readonly<Record<string, number>> = { request: 2, response: 4, logging: 5 };

const leftOut: Readonly<Record<string, string>> = {
  exec: 'rules start no programs',
  proxy: 'rules do not route requests',
  pause: 'rules do not hold requests up',
  expirevar: 'collections last for one transaction',
  deprecatevar: 'collections last for one transaction',
  setenv: 'rules do not write to the environment',
  append: 'rules do not change responses',
  prepend: 'rules do not change responses',
  xmlns: 'paths are matched without regard to name spaces',
};

/** Actions whose purpose is met without them: every value in a record is masked, rule texts are kept as they are. */
const redundant: ReadonlySet<string> = new Set([
  'sanitisearg',
  'sanitisematched',
  'sanitisematchedbytes',
  'sanitiserequestheader',
  'sanitiseresponseheader',
  'sanitizearg',
  'sanitizematched',
  'sanitizematchedbytes',
  'sanitizerequestheader',
  'sanitizeresponseheader',
  'rev',
  'maturity',
  'accuracy',
  'logdata',
  'msg',
  'ver',
  't',
  'tag',
  'id',
  'phase',
]);

function readPhase(value: string): number {
  const named = Object.hasOwn(phaseNames, value.toLowerCase()) ? phaseNames[value.toLowerCase()]! : Number(value);
  if (!Number.isInteger(named) || named < 1 || named > 5)
    throw new MerlonError({ code: 'waf.bad-value', message: `\`${value}\` is not a phase` });
  return named;
}

function readSeverity(value: string): number {
  const index = severities.indexOf(value.toLowerCase());
  const number = index >= 0 ? index : Number(value);
  if (!Number.isInteger(number) || number < 0 || number > 7)
    throw new MerlonError({ code: 'waf.bad-value', message: `\`${value}\` is not a severity` });
  return number;
}

export const severityName = (severity: number): string => severities[severity] ?? String(severity);

function readInteger(name: string, value: string, least: number, most: number): number {
  const number = Number(value);
  if (value.trim() === '' || !Number.isInteger(number) || number < least || number > most) {
    throw new MerlonError({
      code: 'waf.bad-value',
      message: `\`${name}:${value}\` is not a number from ${least} to ${most}`,
    });
  }
  return number;
}

function readAllow(value: string | undefined): Disruption {
  if (value !== undefined && value !== 'phase' && value !== 'request') {
    throw new MerlonError({ code: 'waf.bad-value', message: `\`allow:${value}\` is not known` });
  }
  return { kind: 'allow', scope: value ?? 'all' };
}

function compileEffect({ name, value = '' }: ActionNode, at: Position): Effect | undefined {
  if (name === 'setvar') return compileSetvar(value);
  if (name === 'ctl') return compileControl(value, at);
  if (name === 'initcol') return compileInitcol(value);
  if (name === 'setsid' || name === 'setuid' || name === 'setrsc') {
    return compileInitcol(`${name === 'setsid' ? 'session' : name === 'setuid' ? 'user' : 'resource'}=${value}`);
  }
  return undefined;
}

type Draft = { -readonly [Key in keyof ActionList]: ActionList[Key] } & {
  effects: Effect[];
  tags: string[];
  transformations: string[];
};

type Reader = (draft: Draft, value: string) => void;

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  [
    'id',
    (draft, value) => {
      draft.id = readInteger('id', value, 0, 999_999_999_999);
    },
  ],
  [
    'phase',
    (draft, value) => {
      draft.phase = readPhase(value);
    },
  ],
  [
    'deny',
    (draft) => {
      draft.disruption = { kind: 'deny' };
    },
  ],
  [
    'drop',
    (draft) => {
      draft.disruption = { kind: 'drop' };
    },
  ],
  [
    'pass',
    (draft) => {
      draft.disruption = { kind: 'pass' };
    },
  ],
  [
    'block',
    (draft) => {
      draft.disruption = 'block';
    },
  ],
  [
    'redirect',
    (draft, value) => {
      draft.disruption = { kind: 'redirect', location: parseMacro(value) };
    },
  ],
  [
    'status',
    (draft, value) => {
      draft.status = readInteger('status', value, 100, 599);
    },
  ],
  [
    'msg',
    (draft, value) => {
      draft.message = value;
    },
  ],
  [
    'logdata',
    (draft, value) => {
      draft.data = value;
    },
  ],
  [
    'tag',
    (draft, value) => {
      draft.tags.push(value);
    },
  ],
  [
    'severity',
    (draft, value) => {
      draft.severity = readSeverity(value);
    },
  ],
  [
    'ver',
    (draft, value) => {
      draft.version = value;
    },
  ],
  [
    'log',
    (draft) => {
      draft.log = true;
      draft.audit ??= true;
    },
  ],
  [
    'nolog',
    (draft) => {
      draft.log = false;
      draft.audit ??= false;
    },
  ],
  [
    'auditlog',
    (draft) => {
      draft.audit = true;
    },
  ],
  [
    'noauditlog',
    (draft) => {
      draft.audit = false;
    },
  ],
  [
    'capture',
    (draft) => {
      draft.capture = true;
    },
  ],
  [
    'multimatch',
    (draft) => {
      draft.multiMatch = true;
    },
  ],
  [
    'chain',
    (draft) => {
      draft.chained = true;
    },
  ],
  [
    'skip',
    (draft, value) => {
      draft.skip = readInteger('skip', value, 1, 100_000);
    },
  ],
  [
    'skipafter',
    (draft, value) => {
      draft.skipAfter = value;
    },
  ],
  [
    't',
    (draft, value) => {
      draft.transformations.push(value);
    },
  ],
]);

function readAction(draft: Draft, node: ActionNode, at: Position): void {
  const reader = readers.get(node.name);
  if (reader !== undefined) return reader(draft, node.value ?? '');
  if (node.name === 'allow') {
    draft.disruption = readAllow(node.value);
    return;
  }
  const effect = compileEffect(node, at);
  if (effect !== undefined) {
    draft.effects.push(effect);
    return;
  }
  const reason = Object.hasOwn(leftOut, node.name) ? leftOut[node.name] : undefined;
  if (reason !== undefined) throw unsupported(at, `the action \`${node.name}\``, reason);
  if (!redundant.has(node.name)) throw ruleFault(at, 'waf.unknown-name', `there is no action \`${node.name}\``);
}

export function compileActions(nodes: readonly ActionNode[], at: Position): ActionList {
  const draft: Draft = {
    id: undefined,
    phase: undefined,
    disruption: undefined,
    status: undefined,
    message: '',
    data: '',
    tags: [],
    severity: undefined,
    version: '',
    log: undefined,
    audit: undefined,
    capture: false,
    multiMatch: false,
    chained: false,
    skip: 0,
    skipAfter: undefined,
    effects: [],
    transformations: [],
  };
  placed(at, () => {
    for (const node of nodes) readAction(draft, node, at);
  });
  return draft;
}

/** The chain of a list of transformations, and its every stage, the untransformed value first. */
export function compileChain(
  names: readonly string[],
  table: ChainTable,
  at: Position,
): { readonly chain: ChainNode; readonly stages: readonly ChainNode[] } {
  let chain = table.root;
  let stages: ChainNode[] = [chain];
  for (const name of names) {
    const lower = name.toLowerCase();
    const transform = transformations.get(lower);
    if (transform === undefined) throw ruleFault(at, 'waf.unknown-name', `there is no transformation \`${name}\``);
    if (lower === 'none') {
      chain = table.root;
      stages = [chain];
      continue;
    }
    chain = table.extend(chain, lower, transform, triggerOf(lower));
    stages.push(chain);
  }
  return { chain, stages };
}
