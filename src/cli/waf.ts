import { existsSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { Decision, LedgerRecord } from '../api/record.ts';
import type { WafExclusion } from '../api/waf.ts';
import { exitCodes, MerlonError } from '../core/errors.ts';
import {
  attackCorpus,
  type FalseAlarm,
  type HarmlessRequest,
  proposeExclusions,
  readRequests,
  toWafRequest,
  type WrittenRequest,
} from '../waf/control.ts';
import { findingsOf, type RouteWaf, type WafReport } from '../waf/index.ts';
import { createAdminClient } from './admin-client.ts';
import { type CommonOptions, layoutOf, withManifest, withState } from './options.ts';
import { formatTable } from './table.ts';
import { formatRecorded, formatTested, formatTuning, resultOf, type Tested } from './waf-report.ts';
import { loadScene, type WafScene } from './waf-scene.ts';

interface TestOptions extends CommonOptions {
  readonly url?: string;
  readonly request: string;
  readonly header: readonly string[];
  readonly data?: string;
  readonly route?: string;
  readonly rules?: string;
  readonly paranoia?: string;
  readonly recorded?: boolean;
  readonly limit: string;
  readonly expect?: string;
  readonly json?: boolean;
}

interface TuneOptions extends CommonOptions {
  readonly route?: string;
  readonly decision: readonly string[];
  readonly limit: string;
  readonly json?: boolean;
}

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

export function describe(command: Command): void {
  command.addHelpText(
    'after',
    `
Examples:
  merlon waf test --url '/api/catalog?q=tea' --header 'Cookie: a=b'
  merlon waf test attacks.http recorded.har --expect block
  merlon waf test --recorded --limit 100
  merlon waf tune
  merlon waf tune harmless.har --json
  merlon waf rules`,
  );
  describeTest(command);
  withState(command.command('tune').description('propose the narrowest exclusions for what rules are wrong about'))
    .exitOverride()
    .argument('[files...]', 'harmless requests (default: what the ledger says was let through)')
    .option('--route <name>', 'of this route alone: its path')
    .option('--decision <id>', 'a refused request that was harmless; repeatable', collect, [])
    .option('--limit <count>', 'look at so many records', '1000')
    .option('--json', 'as JSON')
    .action(tune);
  withManifest(command.command('rules').description('the rules that say something, with place, level and severity'))
    .exitOverride()
    .option('--json', 'as JSON')
    .action(listRules);
}

function describeTest(command: Command): void {
  withState(command.command('test').description('which rules fire on requests, on which fields, and what comes of it'))
    .exitOverride()
    .argument('[files...]', 'requests: HTTP as on the wire (parted by ###), .har, or .yaml')
    .option('--url <target>', 'one request, as of curl')
    .option('-X, --request <method>', 'its method', 'GET')
    .option('-H, --header <field>', 'a field of it; repeatable', collect, [])
    .option('-d, --data <body>', 'its body')
    .option('--route <name>', 'judge as on this route (default: the one that has the path)')
    .option('--rules <rules>', "these rules in place of the manifest's: builtin, crs or a path")
    .option('--paranoia <level>', 'at this level, on every route')
    .option('--recorded', 'requests of the ledger in which a rule matched')
    .option('--limit <count>', 'look at so many records', '100')
    .option('--expect <verdict>', 'fail unless all of them are: pass or block')
    .option('--json', 'as JSON')
    .action(test);
}

async function test(files: readonly string[], options: TestOptions): Promise<void> {
  checkVerdict(options.expect);
  if (options.recorded === true) return showRecorded(options);
  const requests = [...writtenHere(options), ...files.flatMap(readFile)];
  if (requests.length === 0)
    throw new MerlonError({
      code: 'input.requests',
      message: 'there is no request to test',
      hint: 'name a file, or use --url',
    });
  const scene = loadScene({
    manifest: options.manifest,
    ...(options.rules === undefined ? {} : { rules: options.rules }),
    ...(options.paranoia === undefined ? {} : { paranoia: countOf(options.paranoia, 1, 4) }),
  });
  checkRoute(scene, options.route);
  const results = requests.map((request) => judge(request, scene, options.route));
  process.stdout.write(
    options.json === true ? `${JSON.stringify(results.map(resultOf), null, 2)}\n` : formatTested(results),
  );
  if (
    options.expect !== undefined &&
    results.some(({ verdict }) => (verdict === 'block') !== (options.expect === 'block'))
  )
    process.exitCode = exitCodes.failed;
}

function checkVerdict(expected: string | undefined): void {
  if (expected !== undefined && expected !== 'pass' && expected !== 'block')
    throw new MerlonError({ code: 'input.verdict', message: `\`${expected}\` is neither \`pass\` nor \`block\`` });
}

function checkRoute({ routes }: WafScene, name: string | undefined): void {
  if (name === undefined || routes.includes(name)) return;
  const hint = `there are ${routes.map((each) => `\`${each}\``).join(', ')}`;
  throw new MerlonError({ code: 'input.route', message: `there is no route \`${name}\``, hint });
}

/** As the route's rules judge it; `detect` is told as what `block` would do. */
function judge(request: WrittenRequest, scene: WafScene, named: string | undefined): Tested {
  const inspected = toWafRequest(request);
  const route = named ?? scene.routeOf(inspected);
  const waf = route === undefined ? undefined : scene.compile(route);
  if (waf === undefined) return { request, route, verdict: 'off', report: undefined };
  const report = waf.examine(inspected);
  return { request, route, report, verdict: (report.denial ?? report.wouldDeny) === undefined ? 'pass' : 'block' };
}

function writtenHere({ url, request, header, data }: TestOptions): WrittenRequest[] {
  if (url === undefined) return [];
  if (!url.startsWith('/') && !URL.canParse(url))
    throw new MerlonError({
      code: 'input.url',
      message: `\`${url}\` is neither a path nor a URL`,
      hint: 'write `/a?b=c`',
    });
  const headers = header.map((field) => {
    const colon = field.indexOf(':');
    if (colon > 0) return [field.slice(0, colon).trim(), field.slice(colon + 1).trim()] as const;
    throw new MerlonError({
      code: 'input.header',
      message: `\`${field}\` is no header field`,
      hint: 'write `Name: value`',
    });
  });
  const method = data !== undefined && request === 'GET' ? 'POST' : request;
  return [{ name: url, method, target: url, headers, ...(data === undefined ? {} : { body: data }) }];
}

function readFile(file: string): readonly WrittenRequest[] {
  if (existsSync(file)) return readRequests(file, readFileSync(file, 'utf8'));
  throw new MerlonError({ code: 'input.file', message: `there is no file \`${file}\`` });
}

function countOf(text: string, least: number, most: number): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= least && count <= most) return count;
  throw new MerlonError({ code: 'input.count', message: `\`${text}\` is not a number from ${least} to ${most}` });
}

async function showRecorded(options: TestOptions): Promise<void> {
  const decisions = await recorded(options, options.route, options.limit);
  if (options.json === true) process.stdout.write(`${JSON.stringify(decisions, null, 2)}\n`);
  else process.stdout.write(formatRecorded(decisions));
}

/** Decisions in which a rule of the firewall matched, newest first. */
async function recorded(options: CommonOptions, route: string | undefined, limit: string): Promise<Decision[]> {
  const query = new URLSearchParams({
    limit: String(countOf(limit, 1, 1000)),
    ...(route === undefined ? {} : { route }),
  });
  const records = await createAdminClient(layoutOf(options)).call<LedgerRecord[]>('GET', `/admin/records?${query}`);
  return records.filter((record): record is Decision => record.kind === 'decision' && record.waf !== undefined);
}

async function tune(files: readonly string[], options: TuneOptions): Promise<void> {
  const scene = loadScene({ manifest: options.manifest });
  checkRoute(scene, options.route);
  const harmless = files.length > 0 ? harmlessOfFiles(files, scene, options.route) : await harmlessOfLedger(options);
  const known = harmless.filter(({ route }) => scene.compile(route) !== undefined);
  const tuning = proposeExclusions(known, {
    compile: (route, exclusions) => scene.compile(route, exclusions) as RouteWaf,
    attacks: attackCorpus(),
  });
  process.stdout.write(options.json === true ? `${JSON.stringify(tuning, null, 2)}\n` : formatTuning(tuning));
}

function harmlessOfFiles(files: readonly string[], scene: WafScene, only: string | undefined): HarmlessRequest[] {
  return files.flatMap(readFile).flatMap((request) => {
    const { report, route } = judge(request, scene, only);
    if (report === undefined || route === undefined || (report.denial ?? report.wouldDeny) === undefined) return [];
    const { score = 0, threshold = 0 } = findingsOf(report) ?? {};
    const inspected = toWafRequest(request);
    const passes = (exclusions: readonly WafExclusion[]): boolean => {
      const { denial, wouldDeny } = (scene.compile(route, exclusions) as RouteWaf).examine(inspected);
      return (denial ?? wouldDeny) === undefined;
    };
    return [{ route, score: Math.max(score, threshold), threshold, alarms: alarmsOf(report), passes }];
  });
}

/** Each field that a rule matched is an alarm of its own. */
function alarmsOf({ matches }: WafReport): FalseAlarm[] {
  return matches.flatMap(({ id, message, severity, variables }) => {
    if (severity === undefined) return [];
    const places = variables.length === 0 ? [undefined] : variables;
    return places.map((place) => ({
      rule: String(id),
      message,
      severity,
      variable: place?.name,
      value: place?.masked,
    }));
  });
}

/** What was let through is taken for harmless; of what was refused only what the operator names. */
async function harmlessOfLedger(options: TuneOptions): Promise<HarmlessRequest[]> {
  const decisions = await recorded(options, options.route, options.limit);
  const named = await Promise.all(options.decision.map((id) => findDecision(options, id)));
  const known = new Set(options.decision);
  const passed = decisions.filter(({ id, verdict, status }) => !known.has(id) && verdict === 'allow' && status < 400);
  return [...named, ...passed].map(({ route = '', waf }) => ({
    route,
    score: waf?.score ?? 0,
    threshold: waf?.threshold ?? 0,
    alarms: (waf?.matches ?? []).flatMap(({ rule, message, severity, variable, value }) =>
      severity === undefined ? [] : [{ rule, message, severity, variable, value }],
    ),
  }));
}

/** @throws MerlonError `input.decision` where rules of the firewall did not match; what control says where there is no such record. */
async function findDecision(options: CommonOptions, id: string): Promise<Decision> {
  const path = `/admin/records/${encodeURIComponent(id)}`;
  const record = await createAdminClient(layoutOf(options)).call<LedgerRecord>('GET', path);
  if (record.kind === 'decision' && record.waf !== undefined) return record;
  const message = `no rule of the firewall matched in \`${id}\``;
  throw new MerlonError({ code: 'input.decision', message, hint: '`merlon explain` says what decided' });
}

function listRules(options: CommonOptions & { readonly json?: boolean }): void {
  const rules = loadScene({ manifest: options.manifest }).engine.list();
  if (options.json === true) return void process.stdout.write(`${JSON.stringify(rules, null, 2)}\n`);
  const rows = rules.map(({ id, phase, paranoia, severity = '', message, at }) => [
    String(id),
    String(phase),
    String(paranoia),
    severity,
    message,
    at,
  ]);
  process.stdout.write(formatTable(['rule', 'phase', 'level', 'severity', 'says', 'at'], rows));
}
