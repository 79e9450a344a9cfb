import type { WafExclusion } from '../api/waf.ts';
import { fieldOf, variablesOf } from '../api/waf-fields.ts';
import type { HeaderField, RouteWaf, WafRequest } from './index.ts';

/** A rule that matched something harmless. */
export interface FalseAlarm {
  /** Name of the route. */
  readonly route: string;
  readonly rule: string;
  readonly message: string;
  /** In SecLang's words: `ARGS:json.note`. */
  readonly variable: string | undefined;
  /** What the value looks like, masked. */
  readonly value: string | undefined;
}

/** Rule, field and route: nothing narrower can be said. */
export interface Proposal {
  readonly route: string;
  readonly rule: string;
  readonly message: string;
  /** In the manifest's words. */
  readonly field: string;
  /** How many requests it is for. */
  readonly requests: number;
  readonly example: string | undefined;
}

/** An exclusion that is not proposed, and why. */
export interface Rejected extends Omit<Proposal, 'field'> {
  readonly field: string | undefined;
  readonly because: string;
}

export interface Tuning {
  readonly proposals: readonly Proposal[];
  readonly rejected: readonly Rejected[];
}

export interface TuneOptions {
  /** The WAF of a route with exclusions beside those that it has. */
  readonly compile: (route: string, exclusions: readonly WafExclusion[]) => RouteWaf;
  /** Values none of which may get through for the sake of an exclusion. */
  readonly attacks: readonly string[];
}

/**
 * The narrowest exclusions for what rules are wrong about. Each is tried: every attack that was refused in that field
 * before must be refused there after it, with all that are proposed before it in force, too.
 */
export function proposeExclusions(alarms: readonly FalseAlarm[], { compile, attacks }: TuneOptions): Tuning {
  const proposals: Proposal[] = [];
  const rejected: Rejected[] = [];
  for (const found of grouped(alarms)) {
    const { field } = found;
    if (field === undefined) {
      rejected.push({
        ...found,
        because: 'the rule looks at no field of its own: exclude it on the route, or leave it',
      });
      continue;
    }
    const before = proposals.filter(({ route }) => route === found.route);
    const exclusions = before.map(exclusionOf);
    const refused = attacks.filter((attack) => isRefused(compile(found.route, exclusions), field, attack));
    const after = compile(found.route, [...exclusions, exclusionOf({ ...found, field })]);
    const through = refused.filter((attack) => !isRefused(after, field, attack));
    if (through.length === 0) proposals.push({ ...found, field });
    else rejected.push({ ...found, because: whyNot(through, refused.length) });
  }
  return { proposals, rejected };
}

function whyNot(through: readonly string[], refused: number): string {
  const [first = ''] = through;
  return `it would let ${through.length} of ${refused} attacks through, \`${first.slice(0, 60)}\` among them: confine the field in the OpenAPI document instead`;
}

function grouped(alarms: readonly FalseAlarm[]): (Omit<Proposal, 'field'> & { field: string | undefined })[] {
  const groups = new Map<string, Omit<Proposal, 'field'> & { field: string | undefined; requests: number }>();
  for (const { route, rule, message, variable, value } of alarms) {
    const field = variable === undefined ? undefined : fieldOf(variable);
    const key = JSON.stringify([route, rule, field]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { route, rule, message, field, requests: 1, example: value });
    else group.requests++;
  }
  return [...groups.values()].sort((a, b) => b.requests - a.requests);
}

export const exclusionOf = ({ rule, field }: Pick<Proposal, 'rule' | 'field'>): WafExclusion => ({
  rules: rule,
  targets: variablesOf(field).join('|'),
});

function isRefused(waf: RouteWaf, field: string, attack: string): boolean {
  const { denial, wouldDeny } = waf.examine(requestWith(field, attack));
  return denial !== undefined || wouldDeny !== undefined;
}

const fields: readonly HeaderField[] = [
  ['Host', 'localhost'],
  ['User-Agent', 'Mozilla/5.0'],
  ['Accept', '*/*'],
];

/** A request that holds `value` in `field`, and nothing else of note. */
export function requestWith(field: string, value: string): WafRequest {
  const dot = field.indexOf('.');
  const [place, name] = dot < 0 ? [field, 'x'] : [field.slice(0, dot), field.slice(dot + 1)];
  const encoded = encodeURIComponent(value);
  const plain = {
    method: 'GET',
    uri: '/',
    protocol: 'HTTP/1.1',
    headers: fields,
    remoteAddress: '127.0.0.1',
    id: 'tune',
  };
  switch (place) {
    case 'header':
      return { ...plain, headers: [...fields.filter(([key]) => key.toLowerCase() !== name), [name, value]] };
    case 'cookie':
      return { ...plain, headers: [...fields, ['Cookie', `${name}=${encoded}`]] };
    case 'path':
      return { ...plain, uri: `/${encoded}` };
    case 'body':
      return withJson(plain, name, value);
    default:
      return { ...plain, uri: `/?${encodeURIComponent(name)}=${encoded}` };
  }
}

function withJson(plain: WafRequest, path: string, value: string): WafRequest {
  const document = path
    .split('.')
    .reduceRight<unknown>((inner, step) => (step === '*' ? [inner] : { [step]: inner }), value);
  const body = Buffer.from(JSON.stringify(document));
  const headers: HeaderField[] = [
    ...fields,
    ['Content-Type', 'application/json'],
    ['Content-Length', `${body.length}`],
  ];
  return { ...plain, method: 'POST', headers, body };
}
