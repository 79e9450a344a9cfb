import { MerlonError } from '../../core/errors.ts';
import { bodyProcessors } from '../body/index.ts';
import { type Position, ruleFault, unsupported } from '../errors.ts';
import type { VariableNode } from '../language/ast.ts';
import { parseVariables } from '../language/variables.ts';
import { compileRegex } from '../regex/regex.ts';
import type { Applies, Effect, EngineMode, Reach, Transaction } from './model.ts';
import { selects } from './targets.ts';
import { unsupportedControls } from './unsupported.ts';

const bad = (setting: string, value: string): MerlonError =>
  new MerlonError({ code: 'waf.bad-value', message: `\`ctl:${setting}=${value}\` is not understood` });

export const engineModes: Readonly<Record<string, EngineMode>> = {
  on: 'on',
  off: 'off',
  detectiononly: 'detection-only',
};

/** `On` or `Off`. */
export function readSwitch(setting: string, value: string): boolean {
  const lower = value.toLowerCase();
  if (lower !== 'on' && lower !== 'off') throw bad(setting, value);
  return lower === 'on';
}

/** `942100`, `942100-942199`: a test of ids. */
export function readIds(text: string): readonly [number, number] {
  const match = /^"?(\d{1,12})(?:-(\d{1,12}))?"?$/.exec(text.trim());
  if (match === null)
    throw new MerlonError({ code: 'waf.bad-value', message: `\`${text}\` is neither an id nor a range of ids` });
  return [Number(match[1]), Number(match[2] ?? match[1])];
}

/** A test of tags or messages by an expression. */
export function readPattern(text: string): (candidate: string) => boolean {
  const regex = compileRegex(text.replace(/^"|"$/g, ''));
  return (candidate) => regex.test(candidate);
}

export const byId = (text: string): Applies => {
  const [first, last] = readIds(text);
  return ({ id }) => id >= first && id <= last;
};

export const byTag = (text: string): Applies => {
  const test = readPattern(text);
  return ({ tags }) => tags.some(test);
};

export const byMessage = (text: string): Applies => {
  const test = readPattern(text);
  return ({ message }) => message.parts.some((part) => typeof part === 'string' && test(part));
};

const byConstantMessage = (text: string): Applies => {
  const test = readPattern(text);
  return ({ message }) => test(message.constant ?? '');
};

type Apply = Effect['apply'];

const aside: Reach = { kind: 'aside' };
const anything: Reach = { kind: 'anything' };

/** Takes rules out from here on. */
const removing = (applies: Applies): Effect => ({
  reach: { kind: 'removal', applies },
  reads: [],
  apply: ({ removed }) => void removed.push(applies),
});

/** `942100;ARGS:password`. */
function removeTarget(name: string, by: (text: string) => Applies, value: string, at: Position): Effect {
  const semicolon = value.indexOf(';');
  if (semicolon < 0) throw bad(name, value);
  const applies = by(value.slice(0, semicolon));
  const nodes: readonly VariableNode[] = parseVariables(value.slice(semicolon + 1).trim(), at);
  const removals = nodes.map((node) => ({ applies, collection: node.name, covers: selects(node.selector) }));
  return {
    reach: nodes.some(({ name: collection }) => collection === 'TX') ? anything : aside,
    reads: [],
    apply: (transaction) => void transaction.removals.push(...removals),
  };
}

function removeRules(value: string): Effect {
  const [first, last] = readIds(value);
  return removing(({ id }) => id >= first && id <= last);
}

const setting = (apply: Apply): Effect => ({ reach: aside, reads: [], apply });

function chooseProcessor(value: string): Effect {
  const name = value.toUpperCase();
  if (!bodyProcessors.has(name)) throw bad('requestBodyProcessor', value);
  return setting((transaction) => {
    transaction.processor = name;
  });
}

function toggle(name: string, value: string, set: (transaction: Transaction, on: boolean) => void): Effect {
  const on = readSwitch(name, value);
  return setting((transaction) => set(transaction, on));
}

function setEngine(value: string): Effect {
  const mode = Object.hasOwn(engineModes, value.toLowerCase()) ? engineModes[value.toLowerCase()] : undefined;
  if (mode === undefined) throw bad('ruleEngine', value);
  return {
    reach: anything,
    reads: [],
    apply(transaction) {
      // A rule may turn the engine down, but not turn on what the operator has turned down.
      if (transaction.mode === 'on' || mode === 'off') transaction.mode = mode;
    },
  };
}

type Setting = (value: string, at: Position) => Effect;

const settings: ReadonlyMap<string, Setting> = new Map<string, Setting>([
  // What the ledger keeps, and how much is logged, is not for rules to choose: `draft.ts` warns of these.
  ['auditlogparts', () => setting(() => undefined)],
  ['debugloglevel', () => setting(() => undefined)],
  ['ruleengine', setEngine],
  ['ruleremovebyid', removeRules],
  ['ruleremovebytag', (value) => removing(byTag(value))],
  ['ruleremovebymsg', (value) => removing(byConstantMessage(value))],
  ['ruleremovetargetbyid', (value, at) => removeTarget('ruleRemoveTargetById', byId, value, at)],
  ['ruleremovetargetbytag', (value, at) => removeTarget('ruleRemoveTargetByTag', byTag, value, at)],
  ['ruleremovetargetbymsg', (value, at) => removeTarget('ruleRemoveTargetByMsg', byMessage, value, at)],
  ['requestbodyprocessor', chooseProcessor],
  [
    'requestbodyaccess',
    (value) =>
      toggle('requestBodyAccess', value, (transaction, on) => {
        transaction.readsRequestBody = on;
      }),
  ],
  [
    'responsebodyaccess',
    (value) =>
      toggle('responseBodyAccess', value, (transaction, on) => {
        transaction.readsResponseBody = on;
      }),
  ],
  [
    'forcerequestbodyvariable',
    (value) =>
      toggle('forceRequestBodyVariable', value, (transaction, on) => {
        transaction.showsRequestBody = on;
      }),
  ],
  [
    'auditengine',
    (value) => {
      const on = value.toLowerCase() !== 'off';
      return setting((transaction) => {
        transaction.audits = on;
      });
    },
  ],
]);

/**
 * `ruleRemoveById=942100`.
 * @throws MerlonError `waf.bad-value`, `waf.unsupported`.
 */
export function compileControl(text: string, at: Position): Effect {
  const equals = text.indexOf('=');
  const name = (equals < 0 ? text : text.slice(0, equals)).trim();
  const read = settings.get(name.toLowerCase());
  if (read === undefined) {
    const reason = unsupportedControls.get(name.toLowerCase());
    if (reason !== undefined) throw unsupported(at, `\`ctl:${name}\``, reason);
    throw ruleFault(at, 'waf.unknown-name', `there is no \`ctl:${name}\``);
  }
  return read(text.slice(equals + 1).trim(), at);
}
