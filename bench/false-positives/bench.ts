// How many ordinary texts are taken for attacks? Each stands in a JSON body, at paranoia 1; a text is wrongly refused where block
// mode would refuse the request.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { RuleSetText } from '../../src/api/waf.ts';
import { systemClock } from '../../src/core/clock.ts';
import { compileWaf, type RouteWaf, type WafRequest } from '../../src/waf/index.ts';
import {
  describeMachine,
  formatNumber,
  printTable,
  printTargets,
  type Question,
  type Target,
  writeResult,
} from '../harness.ts';
import { crsFolder, crsPresent, crsSetup, readRules } from '../waf/rules.ts';
import { gatherTexts, type OrdinaryText } from './corpus.ts';

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

/** What an API's schema would confine: all of the order but its free text. */
const pins = ['/id', '/quantity', '/placed', '/state'].map((name) => ({ in: 'body', name, kind: 'enum' }) as const);

function orderWith(text: string, at: number): WafRequest {
  const order = { id: at, quantity: 1 + (at % 9), placed: '2026-01-31', state: 'open', note: text };
  const body = Buffer.from(JSON.stringify(order));
  return {
    method: 'POST',
    uri: '/api/orders',
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
    id: String(at),
  };
}

interface Tally {
  readonly refused: number;
  readonly texts: number;
  /** Percent of the texts of each kind. */
  readonly byKind: Readonly<Record<string, number>>;
  /** How often each rule took part in a refusal. */
  readonly byRule: Readonly<Record<string, number>>;
}

/** Of prose and of what people type; source code is counted apart. */
function judge(route: RouteWaf, texts: readonly OrdinaryText[]): Tally {
  const all: Record<string, number> = {};
  const refused: Record<string, number> = {};
  const byRule: Record<string, number> = {};
  for (const [at, { kind, text }] of texts.entries()) {
    all[kind] = (all[kind] ?? 0) + 1;
    const report = route.examine(orderWith(text, at));
    if (report.denial === undefined) continue;
    refused[kind] = (refused[kind] ?? 0) + 1;
    for (const { id, severity } of report.matches) if (severity !== undefined) byRule[id] = (byRule[id] ?? 0) + 1;
  }
  const total = Object.values(refused).reduce((sum, count) => sum + count, 0);
  const byKind = Object.fromEntries(
    Object.entries(all).map(([kind, count]) => [kind, (100 * (refused[kind] ?? 0)) / count]),
  );
  return { refused: total, texts: texts.length, byKind, byRule };
}

/** Rules are made better by one half of the texts alone; the other tells how they do with what they have not seen. */
const isHeldOut = ({ text }: OrdinaryText): boolean => (createHash('sha256').update(text).digest()[0]! & 1) === 1;

export const question: Question = async (settings) => {
  const machine = describeMachine();
  const texts = gatherTexts(settings.quick ? 0.1 : 1);
  const found: Record<string, Tally> = {};
  for (const { name, ruleSets } of contenders()) {
    const waf = compileWaf({ ruleSets }, systemClock);
    found[name] = judge(waf.route({ mode: 'block', paranoia: 1 }), texts);
    found[`${name}, held-out half`] = judge(waf.route({ mode: 'block', paranoia: 1 }), texts.filter(isHeldOut));
    found[`${name}, schema known`] = judge(waf.route({ mode: 'block', paranoia: 1 }, pins), texts);
  }
  const percent = ({ refused, texts: all }: Tally): number => (100 * refused) / all;
  const kinds = [...new Set(texts.map(({ kind }) => kind))];
  printTable(
    `Ordinary texts refused, in percent of ${texts.length}`,
    ['rules', 'all', ...kinds],
    Object.entries(found).map(([name, tally]) => [
      name,
      formatNumber(percent(tally)),
      ...kinds.map((kind) => formatNumber(tally.byKind[kind] ?? Number.NaN)),
    ]),
  );
  const targets: Target[] = [
    { what: 'texts', wanted: 5000, bound: 'at least', found: texts.length },
    { what: 'built-in rules', wanted: 0.1, bound: 'at most', found: percent(found['built-in']!), unit: ' %' },
  ];
  printTargets(targets);
  writeResult('false-positives', settings, machine, { texts: texts.length, found, targets });
};
