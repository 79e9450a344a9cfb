// One fuzzer a parser. Each gets a source of random numbers and returns a verdict; what must never be, it throws.
import { METHODS } from 'node:http';
import { defaultHttpLimits } from '../../src/net/config.ts';
import { readHttp2Fields } from '../../src/net/http2-request.ts';
import { NetError } from '../../src/net/index.ts';
import { readProxyHeader } from '../../src/net/proxy-protocol.ts';
import { parseMultipart } from '../../src/openapi/media/multipart.ts';
import { readAsNode, readRequests, readResponse, type SyncReading } from '../../test/fakes/sync-readers.ts';
import { fromGrammar, mutate, requestSeeds, responseSeeds } from './inputs.ts';

export type Random = () => number;
/** Makes one input; what it gives reads that, and says in a word what became of it. */
export type Fuzzer = (random: Random) => () => string;

/** What Node refuses and we take, with the reason. Anything else that Node refuses and we take is an error. */
export interface Leniency {
  readonly reason: string;
  matches(bytes: string, nodes: SyncReading, ours: SyncReading): boolean;
}

const trailingTab: Leniency = {
  reason:
    'white space around a value is no part of it (RFC 9110, section 5.5): Node sees `chunked` with a space behind it, and not with a tab',
  matches: (bytes) => /^transfer-encoding:[ \t]*chunked *\t[ \t]*\r$/im.test(bytes),
};

const interimClose: Leniency = {
  reason: 'a connection ends with the final answer, whatever an interim one says of it (RFC 9112, section 9.6)',
  matches: (bytes, nodes) =>
    nodes.error === 'HPE_CLOSED_CONNECTION' &&
    /^HTTP\/1\.1 1\d\d[^\n]*\n(?:[^\r\n]+\r?\n)*connection:[^\r\n]*close/im.test(bytes),
};

export const leniencies: Readonly<Record<'requests' | 'response', readonly Leniency[]>> = {
  requests: [
    {
      reason: 'a method that Node has no name for is a token, and routes say which are served (RFC 9110, section 9.1)',
      matches: (_, nodes, ours) => !METHODS.includes((ours.messages[nodes.messages.length] ?? '').split(' ')[0] ?? ''),
    },
    trailingTab,
  ],
  response: [trailingTab, interimClose],
};

const grammarBatch = 2000;

/** Half of the inputs are the grammar's, as they are or changed; half are the seeds', changed. */
function createSource(kind: 'requests' | 'response', seeds: readonly Buffer[]): (random: Random) => Buffer {
  let batch: Buffer[] = [];
  let at = 0;
  return (random) => {
    if (random() < 0.5) return mutate(seeds, random);
    if (at >= batch.length) {
      batch = fromGrammar(kind, grammarBatch, Math.floor(random() * 2 ** 31));
      at = 0;
    }
    const made = batch[at++] as Buffer;
    return random() < 0.3 ? made : mutate([made, ...batch.slice(at, at + 3)], random);
  };
}

const fault = (what: string, bytes: Buffer, ...more: unknown[]): Error =>
  new Error(
    `${what}: ${JSON.stringify(bytes.toString('latin1'))}\n${more.map((each) => JSON.stringify(each)).join('\n')}`,
  );

function verdictOf({ messages, error }: SyncReading): string {
  if (error !== undefined) return messages.length > 0 ? 'accepted, then refused' : error;
  return messages.length > 0 ? 'accepted' : 'incomplete';
}

function createDifferential(
  kind: 'requests' | 'response',
  seeds: readonly Buffer[],
  read: (bytes: Buffer, cuts?: readonly number[]) => SyncReading,
): Fuzzer {
  const next = createSource(kind, seeds);
  return (random) => {
    const bytes = next(random);
    const cuts = Array.from({ length: 1 + Math.floor(random() * 4) }, () => Math.floor(random() * (bytes.length + 1)));
    return () => compare(bytes, cuts);
  };

  function compare(bytes: Buffer, cuts: readonly number[]): string {
    const ours = read(bytes);
    const cut = read(bytes, cuts);
    if (cut.error !== ours.error || cut.messages.join('\n') !== ours.messages.join('\n'))
      throw fault('cut in pieces it is read otherwise', bytes, cuts, ours, cut);
    if (ours.messages.length === 0) return verdictOf(ours);
    const nodes = readAsNode(bytes, kind);
    const same = ours.messages.every((message, at) => message === nodes.messages[at]);
    if (same) return verdictOf(ours);
    const text = bytes.toString('latin1');
    const known = leniencies[kind].find((each) => each.matches(text, nodes, ours));
    if (known === undefined) throw fault('Node reads it otherwise', bytes, ours, nodes);
    return `taken where Node refuses: ${known.reason}`;
  }
}

const names = [
  ':method',
  ':path',
  ':authority',
  ':scheme',
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'cookie',
  'te',
  'x',
  'X',
  'x y',
  'x\r\ny',
  '',
];
const texts = [
  'GET',
  'POST',
  '/',
  '/a?b',
  '*',
  'a',
  'b',
  'a:80',
  '5',
  '05',
  '5, 5',
  'chunked',
  'trailers',
  'x\r\nhost: b',
  'x\ny',
  '\0',
  '\xff',
  ' a',
  'a ',
  '',
];

/** Fields of HTTP/2: what is taken must stand in a message of HTTP/1.1 as one line each, and read the same. */
const http2: Fuzzer = (random) => {
  const pick = (from: readonly string[]): string => {
    const text = from[Math.floor(random() * from.length)] as string;
    return random() < 0.9 ? text : text + String.fromCharCode(Math.floor(random() * 256));
  };
  const base = random() < 0.8 ? [':method', 'GET', ':path', '/', ':authority', 'a', ':scheme', 'https'] : [];
  const raw = [...base, ...Array.from({ length: Math.floor(random() * 5) }, () => [pick(names), pick(texts)]).flat()];
  return () => readFields(raw);
};

function readFields(raw: readonly string[]): string {
  try {
    const { method, target, headers } = readHttp2Fields(raw, defaultHttpLimits);
    if (!target.startsWith('/') || /[\x00-\x20\x7f-\xff]/.test(target)) return 'left to the reader of targets';
    const fields = [...headers].filter(([name]) => name !== 'content-length' && name !== 'expect' && name !== 'host');
    const bytes = Buffer.from(
      `${method} ${target} HTTP/1.1\r\nhost: a\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
      'latin1',
    );
    const { messages, error } = readRequests(bytes);
    if (messages.length > 1) throw fault('it becomes two requests', bytes, raw);
    return error === undefined ? 'accepted' : `refused as HTTP/1.1: ${error}`;
  } catch (error) {
    if (error instanceof NetError) return error.code;
    throw error;
  }
}

const proxySeeds = [
  Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 1000 443\r\n', 'latin1'),
  Buffer.from('PROXY TCP6 2001:db8::1 2001:db8::2 1000 443\r\n', 'latin1'),
  Buffer.from('PROXY UNKNOWN\r\n', 'latin1'),
  Buffer.from('0d0a0d0a000d0a515549540a2111000cc0000201c000020203e801bb', 'hex'),
  Buffer.from(`0d0a0d0a000d0a515549540a21210024${'20010db8000000000000000000000001'.repeat(2)}03e801bb`, 'hex'),
  Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex'),
];

/** A header that is complete must be so at its own length, whatever follows, and at no shorter one. */
const proxy: Fuzzer = (random) => {
  const bytes =
    random() < 0.1 ? (proxySeeds[Math.floor(random() * proxySeeds.length)] as Buffer) : mutate(proxySeeds, random);
  return () => readHeader(bytes);
};

function readHeader(bytes: Buffer): string {
  try {
    const header = readProxyHeader(bytes);
    if (header === undefined) return 'incomplete';
    if (header.bytes > bytes.length) throw fault('it is longer than the bytes', bytes);
    const again = readProxyHeader(bytes.subarray(0, header.bytes));
    const before = readProxyHeader(bytes.subarray(0, header.bytes - 1));
    if (again?.bytes !== header.bytes || before !== undefined) throw fault('what follows it changes it', bytes);
    return header.source === undefined ? 'accepted, without a source' : 'accepted';
  } catch (error) {
    if (error instanceof NetError) return error.code;
    throw error;
  }
}

const multipartSeeds = [
  '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\nContent-Type: text/plain\r\n\r\nfile\r\n--b--\r\n',
  '--b\r\n\r\n--b--',
  '--b--\r\n',
].map((text) => Buffer.from(text));

const multipart: Fuzzer = (random) => {
  const bytes = mutate(multipartSeeds, random);
  return () => {
    const result = parseMultipart(bytes, 'b', 20);
    if ('fault' in result) return 'refused';
    if (result.parts.length > 20) throw fault('there are more parts than are allowed', bytes);
    return 'accepted';
  };
};

export const fuzzers: Readonly<Record<string, { readonly share: number; create(): Fuzzer }>> = {
  requests: { share: 0.5, create: () => createDifferential('requests', requestSeeds, readRequests) },
  responses: { share: 0.2, create: () => createDifferential('response', responseSeeds, readResponse) },
  http2: { share: 0.1, create: () => http2 },
  proxy: { share: 0.1, create: () => proxy },
  multipart: { share: 0.1, create: () => multipart },
};
