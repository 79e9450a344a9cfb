import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { compileWaf, defaultWafOptions, type RouteWaf, type WafRequest } from '../../src/waf/index.ts';
import { ManualClock } from '../fakes/clock.ts';

// The OWASP Core Rule Set, unmodified, held against its own regression tests (go-ftw's YAML).

const suites = process.env.MERLON_SUITES ?? resolve(import.meta.dirname, '../../../shared/suites');
const folder = join(suites, 'crs');
const present = existsSync(folder);
if (!present) process.stderr.write(`crs: no suite at ${folder}, skipped\n`);

/** As the tests want the engine to stand: every paranoia level, small limits. */
const setup = `
SecRuleEngine DetectionOnly
SecRequestBodyAccess On
SecResponseBodyAccess On
SecResponseBodyMimeType text/plain text/html text/xml application/json
SecAction "id:990001,phase:1,nolog,pass,t:none,\\
  setvar:tx.blocking_paranoia_level=4,\\
  setvar:tx.detection_paranoia_level=4,\\
  setvar:tx.crs_validate_utf8_encoding=1,\\
  setvar:tx.arg_name_length=100,\\
  setvar:tx.arg_length=400,\\
  setvar:tx.total_arg_length=64000,\\
  setvar:tx.max_num_args=255,\\
  setvar:tx.max_file_size=64100,\\
  setvar:tx.combined_file_sizes=65535"
`;

interface Input {
  readonly method?: string;
  readonly uri?: string;
  readonly version?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly data?: string;
  readonly encoded_request?: string;
  readonly autocomplete_headers?: boolean;
}

interface Output {
  readonly status?: number;
  readonly log?: {
    readonly expect_ids?: readonly number[];
    readonly no_expect_ids?: readonly number[];
    readonly match_regex?: string;
    readonly no_match_regex?: string;
  };
}

interface Test {
  readonly rule: number;
  readonly number: number;
  readonly stages: readonly { readonly input: Input; readonly output: Output }[];
}

const toBytes = (value: unknown): string => Buffer.from(String(value ?? ''), 'utf8').toString('latin1');
const toBody = (text: string): Uint8Array => Buffer.from(text, 'latin1');

/** The test driver encodes form data that is not encoded yet. */
function encodeForm(data: string): string {
  if (/[%+;]/.test(data)) return data;
  const encode = (text: string): string =>
    encodeURIComponent(Buffer.from(text, 'latin1').toString('utf8')).replaceAll('%20', '+');
  return data
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=');
      return equals < 0 ? `${encode(pair)}=` : `${encode(pair.slice(0, equals))}=${encode(pair.slice(equals + 1))}`;
    })
    .join('&');
}

function rawRequest(encoded: string): WafRequest {
  const text = Buffer.from(encoded, 'base64').toString('latin1');
  const split = text.indexOf('\r\n\r\n');
  const [line = '', ...headers] = (split < 0 ? text : text.slice(0, split)).split('\r\n');
  const [method = '', uri = '', protocol = ''] = line.split(' ');
  return {
    method,
    uri,
    protocol,
    remoteAddress: '127.0.0.1',
    id: 'test',
    headers: headers
      .filter((one) => one.includes(':'))
      .map((one) => {
        const colon = one.indexOf(':');
        return [one.slice(0, colon), one.slice(colon + 1).trim()] as const;
      }),
    body: toBody(split < 0 ? '' : text.slice(split + 4)),
  };
}

function requestOf(input: Input): WafRequest {
  if (input.encoded_request !== undefined) return rawRequest(input.encoded_request);
  const headers = Object.entries(input.headers ?? {}).map(
    ([name, value]) => [toBytes(name), toBytes(value)] as [string, string],
  );
  const has = (name: string): boolean => headers.some(([key]) => key.toLowerCase() === name);
  let data = toBytes(input.data);
  if (input.autocomplete_headers !== false) {
    if (data !== '' && !has('content-type')) headers.push(['Content-Type', 'application/x-www-form-urlencoded']);
    if (
      headers.some(
        ([name, value]) => name.toLowerCase() === 'content-type' && value === 'application/x-www-form-urlencoded',
      )
    )
      data = encodeForm(data);
    if (data !== '' && !has('content-length')) headers.push(['Content-Length', String(data.length)]);
    if (!has('connection')) headers.push(['Connection', 'close']);
  }
  return {
    method: toBytes(input.method ?? 'GET'),
    uri: toBytes(input.uri ?? '/'),
    protocol: toBytes(input.version ?? 'HTTP/1.1') || 'HTTP/0.9',
    headers,
    body: toBody(data),
    remoteAddress: '127.0.0.1',
    id: 'test',
  };
}

/** The test server answers as the body of a request to `/reflect` asks it to. */
function reflected(input: Input): { status: number; headers: [string, string][]; body: string } {
  const plain = { status: 200, headers: [['Content-Type', 'text/plain']] as [string, string][], body: '' };
  if (!input.uri?.startsWith('/reflect')) return plain;
  try {
    const wanted = JSON.parse(input.data ?? '{}') as {
      status?: number;
      headers?: Record<string, string>;
      body?: string;
      encodedBody?: string;
    };
    const headers = Object.entries(wanted.headers ?? {});
    if (!headers.some(([name]) => name.toLowerCase() === 'content-type')) headers.push(['Content-Type', 'text/plain']);
    const body =
      wanted.encodedBody === undefined
        ? toBytes(wanted.body)
        : Buffer.from(wanted.encodedBody, 'base64').toString('latin1');
    return { status: wanted.status ?? 200, headers, body };
  } catch {
    return plain;
  }
}

function run(waf: RouteWaf, input: Input): { ids: Set<number>; log: string } {
  const inspection = waf.open(requestOf(input));
  inspection.requestHead();
  inspection.requestBody();
  const response = reflected(input);
  inspection.responseHead({ status: response.status, protocol: 'HTTP/1.1', headers: response.headers });
  inspection.responseBody(toBody(response.body));
  const { matches } = inspection.finish();
  const log = matches.map((match) => `[id "${match.id}"] [msg "${match.message}"] [data "${match.data}"]`).join(' ');
  return { ids: new Set(matches.map(({ id }) => id)), log: log.replace(/[\r\n]/g, ' ') };
}

function loadTests(): Test[] {
  return globSync('tests/*/*.yaml', { cwd: folder })
    .sort()
    .flatMap((file) => {
      const document = parse(readFileSync(join(folder, file), 'utf8')) as {
        rule_id: number;
        tests: { test_id: number; stages: Test['stages'] }[];
      } | null;
      return (document?.tests ?? []).map((test) => ({
        rule: document!.rule_id,
        number: test.test_id,
        stages: test.stages,
      }));
    });
}

function loadWaf(): RouteWaf {
  const rules = join(folder, 'rules');
  const read = (path: string): string => readFileSync(path, 'utf8');
  const files = readdirSync(rules)
    .filter((name) => name.endsWith('.conf'))
    .sort()
    .map((name) => ({ name, text: read(join(rules, name)) }));
  const data = Object.fromEntries(
    readdirSync(rules)
      .filter((name) => name.endsWith('.data'))
      .map((name) => [name, read(join(rules, name))]),
  );
  const crsSetup = { name: 'crs-setup.conf', text: read(join(folder, 'crs-setup.conf.example')) };
  const waf = compileWaf(
    { ruleSets: [{ name: 'crs', files: [{ name: 'setup.conf', text: setup }, crsSetup, ...files], data }] },
    new ManualClock(),
    { ...defaultWafOptions, mask: (value) => value },
  );
  return waf.route({ mode: 'detect' });
}

/** Tests that this engine answers otherwise, and why. */
const exceptions: ReadonlyMap<string, string> = new Map([
  [
    '920181-1',
    'the driver means a server that drops Content-Length; the HTTP engine refuses both fields together (RFC 9112, 6.1)',
  ],
  ['920620-1', 'means a server that joins repeated fields; here they stay apart, which is what the rule looks for'],
  ['942100-13', 'a pipe to a shell command, not SQL; the rules for commands answer for it'],
  ['921140-1', 'expects the server to refuse a bare CR in a field, as the HTTP engine does; the rules never see it'],
]);

interface Tally {
  passed: number;
  total: number;
  readonly failed: string[];
}

const tally = (): Tally => ({ passed: 0, total: 0, failed: [] });

function count(into: Tally, name: string, passed: boolean): void {
  into.total += 1;
  if (passed) into.passed += 1;
  else into.failed.push(name);
}

describe.skipIf(!present)('OWASP Core Rule Set', () => {
  it('fires where its tests want it to, and nowhere else', () => {
    const waf = loadWaf();
    const positives = { request: tally(), response: tally() };
    const negatives = { request: tally(), response: tally() };
    for (const { rule, number, stages } of loadTests()) {
      const side = rule >= 950000 ? 'response' : 'request';
      for (const { input, output } of stages) {
        const { ids, log } = run(waf, input);
        const name = `${rule}-${number}`;
        for (const id of output.log?.expect_ids ?? []) count(positives[side], name, ids.has(id));
        for (const id of output.log?.no_expect_ids ?? []) count(negatives[side], name, !ids.has(id));
        const { match_regex: wanted, no_match_regex: unwanted } = output.log ?? {};
        if (wanted !== undefined) count(positives[side], name, new RegExp(wanted).test(log));
        if (unwanted !== undefined) count(negatives[side], name, !new RegExp(unwanted).test(log));
      }
    }
    const rate = ({ passed, total }: Tally): number => passed / total;
    const show = (name: string, one: Tally): string =>
      `crs ${name}: ${one.passed}/${one.total} (${(rate(one) * 100).toFixed(2)} %) ${one.failed.join(' ')}\n`;
    process.stdout.write(
      show('request positives', positives.request) +
        show('request negatives', negatives.request) +
        show('response positives', positives.response) +
        show('response negatives', negatives.response),
    );
    expect(rate(positives.request)).toBeGreaterThanOrEqual(0.99);
    expect(rate(negatives.request)).toBeGreaterThanOrEqual(0.995);
    expect(rate(positives.response)).toBeGreaterThanOrEqual(0.95);
    expect(rate(negatives.response)).toBeGreaterThanOrEqual(0.95);
    const unexplained = [positives, negatives]
      .flatMap(({ request, response }) => [...request.failed, ...response.failed])
      .filter((name) => !exceptions.has(name));
    expect(unexplained).toEqual([]);
  }, 120_000);
});
