// How long does GitHub's REST description take to load, and how many requests a second are held against it? And what does
// a list of 100,000 networks cost a request?
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { OpenApiDocument } from '../../src/api/openapi.ts';
import { compileCidrs } from '../../src/net/index.ts';
import { loadOpenApi } from '../../src/openapi/control.ts';
import { compileMask, compileOpenApi, maskJson } from '../../src/openapi/index.ts';
import { githubApi } from '../../test/fakes/github-api.ts';
import {
  type Contender,
  describeMachine,
  formatNumber,
  formatSample,
  perSecond,
  printTable,
  printTargets,
  type Question,
  sampleOf,
  type Target,
  takeTurns,
  wants,
  writeResult,
} from '../harness.ts';

let forMs = 1000;

function load(path: string): { readonly document: OpenApiDocument; readonly cpuMs: number } {
  const before = process.cpuUsage();
  const document = loadOpenApi(path, (each) => readFileSync(each, 'utf8'), { root: dirname(path) });
  const { user, system } = process.cpuUsage(before);
  return { document, cpuMs: (user + system) / 1000 };
}

/** Requests as a client of GitHub's would send them. */
const requests = [
  { name: 'GET, 5 parameters', method: 'GET', path: '/repos/a/b/issues', query: 'state=open&per_page=50&page=2' },
  {
    name: 'POST, 250 bytes of JSON',
    method: 'POST',
    path: '/repos/a/b/issues',
    query: '',
    body: JSON.stringify({ title: 'Found a bug', body: 'x'.repeat(170), labels: ['bug'], assignees: ['octocat'] }),
  },
];

function validating(document: OpenApiDocument): Contender<number>[] {
  const api = compileOpenApi(document);
  return requests.map(({ name, method, path, query, body }) => {
    const bytes = body === undefined ? undefined : Buffer.from(body);
    const judge = (): void => {
      const match = api.match(method, path);
      if (match.kind !== 'match') throw new Error(`${method} ${path} is not declared`);
      const source = { rawParams: match.rawParams, query, header: () => undefined, cookie: undefined };
      const denial =
        api.checkParameters(match.operation, source) ??
        (bytes === undefined ? undefined : api.checkBody(match.operation, 'application/json', bytes));
      if (denial !== undefined) throw new Error(denial.reason.message);
    };
    return {
      name,
      measure: () =>
        perSecond((times) => {
          for (let at = 0; at < times; at++) judge();
        }, forMs),
    };
  });
}

/** Lookups in a list of `count` networks, most of which find nothing, as in life. */
function lookingUp(count: number): Contender<number> {
  const random = (below: number): number => Math.floor(Math.random() * below);
  const v4 = (): string => `${1 + random(222)}.${random(256)}.${random(256)}.${random(256)}`;
  const set = compileCidrs(
    Array.from({ length: count }, (_, at) => (at % 5 === 0 ? `2a0${at % 10}:${(at >> 3).toString(16)}::/48` : v4())),
  );
  const addresses = Array.from({ length: 4096 }, v4);
  let turn = 0;
  return {
    name: `${formatNumber(count)} networks`,
    measure: () =>
      perSecond((times) => {
        for (let at = 0; at < times; at++) set.has(addresses[turn++ & 4095] as string);
      }, forMs),
  };
}

function masking(): Contender<number> {
  const mask = { fields: ['iban'], declared: false, unless: [], keepLast: 0 };
  const root = compileMask(mask, undefined)(undefined);
  const text = JSON.stringify(
    Array.from({ length: 20 }, (_, at) => ({ id: at, name: 'Ann Example', iban: 'DE0212030000', amount: 1.5 })),
  );
  return {
    name: `masking ${formatNumber(text.length)} bytes`,
    measure: () =>
      perSecond(
        (times) => {
          for (let at = 0; at < times; at++) maskJson(text, root, 0, false);
        },
        forMs,
        100,
      ),
  };
}

export const question: Question = async (settings) => {
  const { quick } = settings;
  const rounds = quick ? 1 : 5;
  forMs = quick ? 20 : 1000;
  const machine = describeMachine();
  const targets: Target[] = [];
  const path = wants(settings, 'github') ? githubApi() : undefined;
  const contenders: Contender<number>[] = [];
  if (path === undefined)
    process.stdout.write('GitHub’s description is left out: npm does not reach @octokit/openapi.\n');
  let loading: readonly number[] = [];
  if (path !== undefined) {
    const loads = Array.from({ length: rounds }, () => load(path));
    loading = loads.map(({ cpuMs }) => cpuMs);
    const { document } = loads[0] as (typeof loads)[number];
    printTable(
      'loading',
      ['operations', 'CPU ms'],
      [[String(document.operations.length), formatSample(sampleOf(loading))]],
    );
    targets.push({
      what: 'loading GitHub’s description',
      wanted: 2000,
      bound: 'at most',
      found: sampleOf(loading).median,
      unit: ' ms',
    });
    contenders.push(...validating(document));
  }
  const listed = lookingUp(100_000);
  contenders.push(lookingUp(0), listed, masking());
  const results = await takeTurns(contenders, rounds);
  const samples = new Map([...results].map(([name, values]) => [name, sampleOf(values)]));
  printTable(
    'per request',
    ['what', 'a second', 'ns'],
    [...samples].map(([name, sample]) => [name, formatSample(sample), formatNumber(1e9 / sample.median)]),
  );
  const lookup = 1e9 / (samples.get(listed.name)?.median ?? Number.NaN);
  targets.push({
    what: 'one lookup among 100,000 networks',
    wanted: 500,
    bound: 'at most',
    found: lookup,
    unit: ' ns',
  });
  printTargets(targets);
  writeResult('openapi', settings, machine, { loading, perSecond: Object.fromEntries(samples), targets });
};
