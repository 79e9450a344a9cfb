// How many ordinary requests are taken for attacks? Each is posted as JSON, at paranoia 1; it is wrongly refused where block mode would
// refuse it. With the schema known, fields that the document pins are not scanned.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { SchemaPin } from '../../src/api/openapi.ts';
import type { RuleSetText } from '../../src/api/waf.ts';
import { systemClock } from '../../src/core/clock.ts';
import { loadOpenApi } from '../../src/openapi/control.ts';
import { compileOpenApi } from '../../src/openapi/index.ts';
import { compileWaf, type RouteWaf, type WafReport, type WafRequest } from '../../src/waf/index.ts';
import {
  describeMachine,
  formatNumber,
  printTable,
  printTargets,
  type Question,
  type Target,
  wants,
  writeResult,
} from '../harness.ts';
import { crsFolder, crsPresent, crsSetup, readRules } from '../waf/rules.ts';
import { gatherRequests, type OrdinaryRequest, parts } from './corpus.ts';

interface Contender {
  readonly name: string;
  readonly ruleSets: readonly RuleSetText[];
}

function contenders(): Contender[] {
  const suites = process.env.MERLON_SUITES ?? resolve(import.meta.dirname, '../../../shared/suites');
  const newer = join(suites, 'crs');
  return [
    { name: 'built-in', ruleSets: [] },
    ...(existsSync(newer)
      ? [{ name: 'CRS 4', ruleSets: [readRules(join(newer, 'rules'), join(newer, 'crs-setup.conf.example'))] }]
      : []),
    ...(crsPresent() ? [{ name: 'CRS 3.3', ruleSets: [readRules(crsFolder, crsSetup)] }] : []),
  ];
}

function toWafRequest({ path, fields }: OrdinaryRequest, body: Buffer, at: number): WafRequest {
  return {
    method: 'POST',
    uri: path,
    protocol: 'HTTP/1.1',
    headers: [
      ['Host', 'shop.example'],
      ['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64)'],
      ['Accept', 'application/json'],
      ['Content-Type', 'application/json'],
      ['Content-Length', String(body.length)],
    ],
    body,
    remoteAddress: '192.0.2.1',
    id: `${at} ${fields.id ?? fields.sku}`,
  };
}

interface Posted {
  readonly request: OrdinaryRequest;
  readonly inspected: WafRequest;
  readonly pins: readonly SchemaPin[];
}

/** The requests as they are sent, each of which the document allows, and what it pins of them. */
function post(requests: readonly OrdinaryRequest[]): Posted[] {
  const file = join(import.meta.dirname, 'openapi.yaml');
  const api = compileOpenApi(loadOpenApi(file, (path) => readFileSync(path, 'utf8'), { root: dirname(file) }));
  const known = new Map<string, readonly SchemaPin[]>();
  return requests.map((request, at) => {
    const body = Buffer.from(JSON.stringify(request.fields));
    const found = api.match('POST', request.path);
    if (found.kind !== 'match') throw new Error(`${request.path} is not declared`);
    const denial = api.checkBody(found.operation, 'application/json', body);
    if (denial !== undefined) throw new Error(`${denial.reason.message}: ${body}`);
    const pins = known.get(request.path) ?? api.schemaPins(found.operation);
    known.set(request.path, pins);
    return { request, inspected: toWafRequest(request, body, at), pins };
  });
}

interface Tally {
  readonly refused: number;
  readonly requests: number;
  /** Percent of the requests of each kind. */
  readonly byKind: Readonly<Record<string, number>>;
  /** How often each rule took part in a refusal. */
  readonly byRule: Readonly<Record<string, number>>;
}

const count = (counts: Record<string, number>, key: string | number): void => {
  counts[key] = (counts[key] ?? 0) + 1;
};

function judge(routeFor: (posted: Posted) => RouteWaf, all: readonly Posted[], hear: Hear): Tally {
  const total: Record<string, number> = {};
  const refused: Record<string, number> = {};
  const byRule: Record<string, number> = {};
  for (const posted of all) {
    const { kind } = posted.request;
    count(total, kind);
    const report = routeFor(posted).examine(posted.inspected);
    if (report.denial === undefined) continue;
    count(refused, kind);
    for (const { id, severity } of report.matches) if (severity !== undefined) count(byRule, id);
    hear(posted, report);
  }
  const sum = Object.values(refused).reduce((all, each) => all + each, 0);
  const byKind = Object.fromEntries(
    Object.entries(total).map(([kind, each]) => [kind, (100 * (refused[kind] ?? 0)) / each]),
  );
  return { refused: sum, requests: all.length, byKind, byRule };
}

type Hear = (posted: Posted, report: WafReport) => void;

/** What was refused wrongly, for those who make the rules better; of the fresh part nobody is to see it. */
const show =
  (name: string): Hear =>
  ({ request: { kind, part, fields } }, { matches }) => {
    if (part === 'fresh') return;
    const telling = matches.filter(({ severity }) => severity !== undefined);
    const rules = telling.map(({ id, variables: [first] }) => `${id} ${first?.masked ?? ''}`);
    process.stdout.write(
      `\n--- ${name}, ${part}, ${kind}: ${rules.join(', ')}\n${fields.note ?? JSON.stringify(fields)}\n`,
    );
  };

interface Finding {
  readonly rules: string;
  readonly part: string;
  readonly schema: 'unknown' | 'known';
  readonly tally: Tally;
}

function judgeBy({ name, ruleSets }: Contender, posted: readonly Posted[], shows: boolean): Finding[] {
  const waf = compileWaf({ ruleSets }, systemClock);
  const plain = waf.route({ mode: 'block', paranoia: 1 });
  const pinned = new Map(posted.map(({ pins }) => [pins, waf.route({ mode: 'block', paranoia: 1 }, pins)]));
  return parts.flatMap((part): Finding[] => {
    const some = posted.filter(({ request }) => request.part === part);
    if (some.length === 0) return [];
    const hear = shows && name === 'built-in' ? show(name) : () => undefined;
    return [
      { rules: name, part, schema: 'unknown', tally: judge(() => plain, some, hear) },
      {
        rules: name,
        part,
        schema: 'known',
        tally: judge(
          ({ pins }) => pinned.get(pins)!,
          some,
          () => undefined,
        ),
      },
    ];
  });
}

const percent = (tallies: readonly Tally[]): number => {
  const sum = (of: (tally: Tally) => number): number => tallies.reduce((all, tally) => all + of(tally), 0);
  return (100 * sum(({ refused }) => refused)) / sum(({ requests }) => requests);
};

function printFindings(findings: readonly Finding[], kinds: readonly string[]): void {
  printTable(
    'Ordinary requests refused, in percent',
    ['rules', 'part', 'schema', 'requests', 'refused', 'percent'],
    findings.map(({ rules, part, schema, tally }) => [
      rules,
      part,
      schema,
      String(tally.requests),
      String(tally.refused),
      formatNumber(percent([tally])),
    ]),
  );
  const names = [...new Set(findings.map(({ rules }) => rules))];
  const ways = names.flatMap((rules) => (['unknown', 'known'] as const).map((schema) => ({ rules, schema })));
  const cell = (rules: string, schema: string, kind: string): string => {
    const some = findings.filter((each) => each.rules === rules && each.schema === schema);
    const rates = some.map(({ tally }) => tally.byKind[kind]).filter((rate) => rate !== undefined);
    return formatNumber(rates.reduce((sum, rate) => sum + rate, 0) / rates.length);
  };
  printTable(
    'By kind, in percent, all parts',
    ['kind', ...ways.map(({ rules, schema }) => `${rules}${schema === 'known' ? ', schema' : ''}`)],
    kinds.map((kind) => [kind, ...ways.map(({ rules, schema }) => cell(rules, schema, kind))]),
  );
}

export const question: Question = async (settings) => {
  const machine = describeMachine();
  const requests = gatherRequests(settings.quick ? 0.05 : 1);
  const shows = settings.parts.includes('show');
  const named = { ...settings, parts: settings.parts.filter((part) => part !== 'show') };
  const posted = post(requests.filter(({ part }) => wants(named, part)));
  const rivals = contenders().filter(({ name }) => !shows || name === 'built-in');
  const findings = rivals.flatMap((contender) => judgeBy(contender, posted, shows));
  printFindings(findings, [...new Set(posted.map(({ request }) => request.kind))]);
  const builtIn = (part?: string): number =>
    percent(
      findings
        .filter((each) => each.rules === 'built-in' && each.schema === 'unknown' && (part ?? each.part) === each.part)
        .map(({ tally }) => tally),
    );
  const targets: Target[] = [
    { what: 'requests', wanted: 12_000, bound: 'at least', found: requests.length },
    { what: 'built-in rules', wanted: 0.1, bound: 'at most', found: builtIn(), unit: ' %' },
    { what: 'built-in rules, fresh part', wanted: 0.1, bound: 'at most', found: builtIn('fresh'), unit: ' %' },
  ];
  printTargets(targets);
  if (!shows) writeResult('false-positives', settings, machine, { requests: requests.length, findings, targets });
};
