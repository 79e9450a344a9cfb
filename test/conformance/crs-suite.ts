// The OWASP Core Rule Set's own regression tests (go-ftw's YAML), read where the suite lies beside the repository.
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import type { RuleSetText } from '../../src/api/waf.ts';
import type { WafRequest } from '../../src/waf/index.ts';

const suites = process.env.MERLON_SUITES ?? resolve(import.meta.dirname, '../../../shared/suites');
const folder = join(suites, 'crs');
export const present = existsSync(folder);
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

export interface Input {
  readonly method?: string;
  readonly uri?: string;
  readonly version?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly data?: string;
  readonly encoded_request?: string;
  readonly autocomplete_headers?: boolean;
}

export interface Output {
  readonly status?: number;
  readonly log?: {
    readonly expect_ids?: readonly number[];
    readonly no_expect_ids?: readonly number[];
    readonly match_regex?: string;
    readonly no_match_regex?: string;
  };
}

export interface Test {
  readonly rule: number;
  readonly number: number;
  readonly stages: readonly { readonly input: Input; readonly output: Output }[];
}

const toBytes = (value: unknown): string => Buffer.from(String(value ?? ''), 'utf8').toString('latin1');
export const toBody = (text: string): Uint8Array => Buffer.from(text, 'latin1');

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

export function requestOf(input: Input): WafRequest {
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
export function reflected(input: Input): { status: number; headers: [string, string][]; body: string } {
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

export function loadTests(): Test[] {
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

/** The rules, unmodified, behind what the tests want the engine to be set to. */
export function loadRules(): RuleSetText {
  const rules = join(folder, 'rules');
  const read = (path: string): string => readFileSync(path, 'utf8');
  const named = (suffix: string): string[] =>
    readdirSync(rules)
      .filter((name) => name.endsWith(suffix))
      .sort();
  const files = named('.conf').map((name) => ({ name, text: read(join(rules, name)) }));
  const crsSetup = { name: 'crs-setup.conf', text: read(join(folder, 'crs-setup.conf.example')) };
  return {
    name: 'crs',
    files: [{ name: 'setup.conf', text: setup }, crsSetup, ...files],
    data: Object.fromEntries(named('.data').map((name) => [name, read(join(rules, name))])),
  };
}

export interface Tally {
  passed: number;
  total: number;
  readonly failed: string[];
}

export const tally = (): Tally => ({ passed: 0, total: 0, failed: [] });

export function count(into: Tally, name: string, passed: boolean): void {
  into.total += 1;
  if (passed) into.passed += 1;
  else into.failed.push(name);
}

export const rate = ({ passed, total }: Tally): number => passed / total;

export const show = (name: string, one: Tally): string =>
  `${name}: ${one.passed}/${one.total} (${(rate(one) * 100).toFixed(2)} %) ${one.failed.join(' ')}\n`;
