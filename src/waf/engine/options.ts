import { MerlonError } from '../../core/errors.ts';
import { defaultWafOptions } from '../config.ts';
import { placed, ruleFault } from '../errors.ts';
import { engineModes, readSwitch } from './control.ts';
import type { Draft, OptionDraft } from './draft.ts';
import type { EngineMode } from './model.ts';

/** What a rule set says about the engine; undefined where it says nothing. */
export interface RuleSetOptions {
  readonly mode: EngineMode | undefined;
  readonly requestBodyAccess: boolean | undefined;
  readonly responseBodyAccess: boolean | undefined;
  readonly responseBodyTypes: readonly string[] | undefined;
  readonly maxResponseBodyBytes: number | undefined;
  readonly maxFields: number | undefined;
  readonly maxJsonDepth: number | undefined;
  readonly signature: string;
  /** Directives that have no effect here, and why. */
  readonly warnings: readonly string[];
}

type Settings = { -readonly [Key in keyof RuleSetOptions]: RuleSetOptions[Key] } & { warnings: string[] };

/** Deeper documents are taken for attacks; the reader calls itself. */
const maxDepth = 1000;
const maxResponseBytes = defaultWafOptions.maxResponseBodyBytes;

function readCount(option: OptionDraft, most = Number.MAX_SAFE_INTEGER, draft?: Settings): number {
  const number = Number(option.args[0]);
  if (!Number.isInteger(number) || number < 1)
    throw new MerlonError({ code: 'waf.bad-value', message: `\`${option.args[0] ?? ''}\` is not a number` });
  if (number <= most) return number;
  draft?.warnings.push(
    `${option.at.file}:${option.at.line}: \`${option.name} ${number}\` is more than can be; it is ${most}`,
  );
  return most;
}

const first = (option: OptionDraft): string => option.args[0] ?? '';

const readers: ReadonlyMap<string, (draft: Settings, option: OptionDraft) => void> = new Map<
  string,
  (draft: Settings, option: OptionDraft) => void
>([
  [
    'secruleengine',
    (draft, option) => {
      const value = first(option).toLowerCase();
      if (!Object.hasOwn(engineModes, value))
        throw new MerlonError({
          code: 'waf.bad-value',
          message: `\`SecRuleEngine ${first(option)}\` is not understood`,
        });
      draft.mode = engineModes[value];
    },
  ],
  [
    'secrequestbodyaccess',
    (draft, option) => {
      draft.requestBodyAccess = readSwitch('requestBodyAccess', first(option));
    },
  ],
  [
    'secresponsebodyaccess',
    (draft, option) => {
      draft.responseBodyAccess = readSwitch('responseBodyAccess', first(option));
    },
  ],
  [
    'secresponsebodymimetype',
    (draft, option) => {
      draft.responseBodyTypes = option.args.map((type) => type.toLowerCase());
    },
  ],
  [
    'secresponsebodymimetypesclear',
    (draft) => {
      draft.responseBodyTypes = [];
    },
  ],
  [
    'secresponsebodylimit',
    (draft, option) => {
      draft.maxResponseBodyBytes = readCount(option, maxResponseBytes, draft);
    },
  ],
  [
    'secargumentslimit',
    (draft, option) => {
      draft.maxFields = readCount(option);
    },
  ],
  [
    'secrequestbodyjsondepthlimit',
    (draft, option) => {
      draft.maxJsonDepth = readCount(option, maxDepth, draft);
    },
  ],
  [
    'seccomponentsignature',
    (draft, option) => {
      draft.signature = first(option);
    },
  ],
]);

/** Directives of other deployments that this one answers elsewhere. */
const elsewhere: readonly (readonly [RegExp, string])[] = [
  [/^sec(?:audit|debug)/, 'decisions go to the audit ledger'],
  [/^sec(?:tmp|data|upload)/, 'nothing is written to files'],
  [
    /^sec(?:collectiontimeout|webappid|sensorid|serversignature|status|connengine|(?:conn)?(?:read|write)statelimit|chrootdir|disablebackendcompression)/,
    'it belongs to a web server',
  ],
  [
    /^sec(?:requestbody(?:limit|nofileslimit|inmemorylimit|limitaction)|responsebodylimitaction)/,
    "the gateway's own limits apply",
  ],
  [
    /^sec(?:unicodemapfile|unicodecodepage|cookieformat|cookiev0separator|argumentseparator|cachetransformations|pcrematchlimit|pcrematchlimitrecursion|xmlexternalentity|tmpsaveuploadedfiles|interceptonerror)/,
    'the engine knows one way, and it is the safe one',
  ],
];

function warn(option: OptionDraft): string {
  const reason = elsewhere.find(([form]) => form.test(option.name.toLowerCase()))?.[1];
  if (reason === undefined) throw ruleFault(option.at, 'waf.unknown-name', `there is no directive \`${option.name}\``);
  return `${option.at.file}:${option.at.line}: \`${option.name}\` has no effect: ${reason}`;
}

export function readOptions({ options, warnings }: Draft): RuleSetOptions {
  const draft: Settings = {
    mode: undefined,
    requestBodyAccess: undefined,
    responseBodyAccess: undefined,
    responseBodyTypes: undefined,
    maxResponseBodyBytes: undefined,
    maxFields: undefined,
    maxJsonDepth: undefined,
    signature: '',
    warnings: [...warnings],
  };
  for (const option of options) {
    const reader = readers.get(option.name.toLowerCase());
    if (reader === undefined) draft.warnings.push(warn(option));
    else placed(option.at, () => reader(draft, option));
  }
  return draft;
}
