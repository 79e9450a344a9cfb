import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { NetError } from '../../src/net/index.ts';
import { Peers } from '../fakes/http-peers.ts';

const root = process.env.MERLON_SUITES ?? join(import.meta.dirname, '../../../shared/suites');
const suite = join(root, 'http1');
if (!existsSync(suite)) process.stderr.write(`no HTTP/1 suite at ${suite}: its tests are skipped\n`);

/** A block of the suite: bytes, and the log of the events that they must cause. */
interface Block {
  readonly name: string;
  readonly type: string;
  readonly bytes: string;
  readonly skipsBody: boolean;
  /** Messages that are complete. */
  readonly complete: number;
  readonly error: string | undefined;
  readonly targets: readonly string[];
}

function readBlocks(folder: string): Block[] {
  return readdirSync(join(suite, folder))
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) => parseBlocks(`${folder}/${file}`, readFileSync(join(suite, folder, file), 'utf8')));
}

/** Headings name a block; a comment before it carries its type; then an `http` fence and a `log` fence. */
function parseBlocks(file: string, text: string): Block[] {
  const pattern = /^#+ (.+)$|<!-- meta=(\{.*\}) -->|```http\n([\s\S]*?)\n```|```log\n([\s\S]*?)```/gm;
  const blocks: Block[] = [];
  let title = '';
  let meta: { type?: string; skipBody?: boolean } = {};
  let bytes: string | undefined;
  for (const [, heading, json, http, log] of text.matchAll(pattern)) {
    if (heading !== undefined) title = heading;
    if (json !== undefined) meta = JSON.parse(json) as typeof meta;
    if (http !== undefined) bytes = unescapeBytes(http);
    if (log === undefined || bytes === undefined) continue;
    const twins = blocks.filter(({ name }) => name.startsWith(`${file}: ${title}`)).length;
    blocks.push({
      name: `${file}: ${title}${twins === 0 ? '' : ` (${twins + 1})`}`,
      type: meta.type ?? 'none',
      bytes,
      skipsBody: meta.skipBody === true,
      complete: log.match(/message complete/g)?.length ?? 0,
      error: /error code=\d+ reason="([^"]*)"/.exec(log)?.[1],
      targets: [...log.matchAll(/span\[url\]="([^"]*)"/g)].map(([, target]) => target as string),
    });
    bytes = undefined;
  }
  return blocks;
}

const escapes: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', f: '\f' };

/** Line ends are CRLF but where a backslash stands before them; `\r`, `\n`, `\t`, `\f` and `\xHH` are the bytes. */
function unescapeBytes(text: string): string {
  const joined = text.replace(/\\\n/g, '').replace(/\n/g, '\r\n');
  return joined.replace(/\\(?:([rntf])|x([0-9a-fA-F]{2}))/g, (_, letter: string | undefined, hex: string) =>
    letter === undefined ? String.fromCharCode(Number.parseInt(hex, 16)) : (escapes[letter] as string),
  );
}

const peers = new Peers();
afterEach(() => peers.close());

interface Outcome {
  /** Targets of the requests that came to their end, or bodies of the responses that did. */
  readonly complete: string[];
  refused: string | undefined;
}

/** What our server makes of `bytes`, sent whole and then ended. */
async function readAsServer(bytes: string): Promise<Outcome> {
  const outcome: Outcome = { complete: [], refused: undefined };
  const { port } = await peers.server({
    onRequest: async (request, reply) => {
      try {
        await request.body.buffer(100_000);
        outcome.complete.push(request.rawTarget);
        reply.send(200);
      } catch (error) {
        outcome.refused = (error as NetError).code;
        reply.send((error as NetError).status);
      }
    },
    onRefused: ({ code }) => {
      outcome.refused = code;
      return undefined;
    },
  });
  await peers.exchange(port, bytes);
  return outcome;
}

/** What our client makes of `bytes` as the answer to a request. */
async function readAsClient(bytes: string, method: string): Promise<Outcome> {
  const port = await peers.rawServer((socket) => {
    socket.once('data', () => socket.end(bytes, 'latin1'));
  });
  const upstream = peers.upstream(port);
  try {
    const { body } = await upstream.fetch({ path: '/', method });
    return { complete: [body.toString('latin1')], refused: undefined };
  } catch (error) {
    return { complete: [], refused: (error as NetError).code };
  }
}

/** Most requests of the suite lack the Host that HTTP/1.1 demands: they get one, so that the rest of them is what is judged. */
function withHost(bytes: string): string {
  return bytes.replace(
    /([A-Z-]+ (\S+) HTTP\/1\.1\r\n)(?!(?:[^\r\n]+\r\n)*host:)/gi,
    (_, line: string, target: string) => {
      const authority = /^https?:\/\/([^/?]+)/.exec(target)?.[1] ?? 'a';
      return `${line}Host: ${authority}\r\n`;
    },
  );
}

/** An error block whose head does not end would only meet a time bound: it is ended, so that it is judged. */
function ended({ bytes, error }: Block): string {
  return error === undefined || bytes.includes('\r\n\r\n') ? bytes : `${bytes}\r\n`;
}

/** What the log calls an error though the message is fine: the parser hands over to another protocol, or drops what follows the last message. */
const isNoError = (error: string | undefined): boolean =>
  error === undefined || error.startsWith('Pause on') || error.startsWith('Data after');

const connect = ['net.connect-refused', 'a gateway opens no tunnels'] as const;
const coding = [
  'net.bad-framing',
  'the one transfer coding is chunked; any other is a way to disagree about the end',
] as const;
const otherProtocol = ['net.bad-version', 'HTTP/1 is the one protocol here'] as const;
const zeros = ['net.bad-framing', 'some readers take leading zeros for octal'] as const;
const badHost = ['net.bad-host', 'an equals sign is in no host name'] as const;
const response = ['net.upstream-malformed', 'not a response of HTTP/1'] as const;
const responseCoding = ['net.upstream-malformed', 'the one transfer coding is chunked'] as const;

// Where we refuse what the suite's parser takes, and why. Each must be refused with that code.
const stricter: Readonly<Record<string, readonly [code: string, reason: string]>> = {
  'connection.md: CRLF between requests, implicit `keep-alive`': [
    'net.bad-method',
    'one empty line is skipped, not two',
  ],
  'content-length.md: `Content-Length` with zeroes': zeros,
  'content-length.md: `Content-Length` with follow-up headers': zeros,
  'method.md: CONNECT request': connect,
  'method.md: CONNECT request with CAPS': connect,
  'method.md: CONNECT with body': connect,
  'uri.md: Underscore in hostname': connect,
  'method.md: M-SEARCH request': ['net.bad-target', 'the asterisk is for OPTIONS'],
  'method.md: PRI request HTTP2': ['net.bad-target', 'the asterisk is for OPTIONS'],
  'method.md: SOURCE request with ICE': otherProtocol,
  'method.md: OPTIONS request with RTSP': otherProtocol,
  'method.md: ANNOUNCE request with RTSP': otherProtocol,
  'sample.md: curl GET': badHost,
  'sample.md: Firefox GET': badHost,
  'sample.md: No HTTP version': ['net.bad-request-line', 'HTTP/0.9 is not spoken'],
  'transfer-encoding.md: POST with `chunked` as last transfer-encoding': coding,
  'transfer-encoding.md: POST with `chunked` as last transfer-encoding (multiple headers)': coding,
  'uri.md: Quotes in URI': ['net.bad-target', 'a quote must be percent-encoded'],
  'uri.md: Fragment in URI': ['net.bad-target', 'a fragment never leaves the client'],
  'uri.md: `host:port` and basic auth': ['net.bad-host', 'user information in a target serves to deceive'],
  'connection.md: HTTP 101 response with Upgrade and Content-Length header': response,
  'connection.md: HTTP 101 response with Upgrade and Transfer-Encoding header': response,
  'connection.md: HTTP 100 first, then 400': ['net.upstream-malformed', 'no empty line stands before a response'],
  'sample.md: RTSP response': response,
  'sample.md: ICE response': response,
  'sample.md: HTTP version 0.9': response,
  'sample.md: Response starting with CRLF': ['net.upstream-malformed', 'no empty line stands before a response'],
  'transfer-encoding.md: `chunked` before other transfer-encoding': responseCoding,
  'transfer-encoding.md: multiple transfer-encoding where chunked is not the last one': responseCoding,
  'transfer-encoding.md: `chunkedchunked` transfer-encoding does not enable chunked enconding': responseCoding,
};

const unread = 'what follows the last message of a connection is not read at all, so there is nothing to refuse';

// Where we refuse nothing though the suite's parser does (or is told to be lenient), and why.
const laxer: Readonly<Record<string, string>> = {
  'connection.md: Resetting flags when keep-alive is off (1.0, lenient)': unread,
  'connection.md: CRLF between requests, explicit `close` (lenient)': unread,
  'connection.md: HTTP/1.1 with keep-alive disabled, content-length (lenient)': unread,
  'connection.md: HTTP/1.1 with keep-alive disabled and 204 status (lenient)': unread,
  'invalid.md: HTTP protocol and ANNOUNCE method': 'any token is a method; routes say which are served',
  'invalid.md: Invalid method': 'any token is a method; routes say which are served',
};

/** Whether `code` says that the bytes broke the grammar, not that they ended too early. */
const isRefusal = (code: string | undefined): boolean =>
  code !== undefined && code !== 'net.client-closed' && code !== 'net.upstream-reset';

function judge(block: Block, outcome: Outcome): void {
  const name = block.name.replace(/^(request|response)\//, '');
  const known = stricter[name];
  if (known !== undefined) expect(outcome.refused).toBe(known[0]);
  else if (laxer[name] === undefined && (block.type.includes('lenient') || !isNoError(block.error))) {
    expect(isRefusal(outcome.refused), `refused: ${outcome.refused}`).toBe(true);
    expect(outcome.complete.length).toBeLessThanOrEqual(block.complete);
  } else expect(isRefusal(outcome.refused), `refused: ${outcome.refused}`).toBe(false);
}

const found = existsSync(suite);

describe.skipIf(!found)('requests of the llhttp suite', () => {
  test.each(found ? readBlocks('request') : [])('$name', async (block) => {
    const outcome = await readAsServer(withHost(ended(block)));
    judge(block, outcome);
    // No request is ever made of bytes that were none: an upgrade's, a body's, what follows the last one.
    if (block.targets.length > 0) expect(block.targets.slice(0, outcome.complete.length)).toEqual(outcome.complete);
  });
});

describe.skipIf(!found)('responses of the llhttp suite', () => {
  test.each(found ? readBlocks('response') : [])('$name', async (block) => {
    judge(block, await readAsClient(ended(block), block.skipsBody ? 'HEAD' : 'GET'));
  });
});

test.skipIf(!found)('every exception that is listed is one', () => {
  const names = [...readBlocks('request'), ...readBlocks('response')].map(({ name }) => name.replace(/^[a-z]+\//, ''));
  for (const name of [...Object.keys(stricter), ...Object.keys(laxer)]) expect(names).toContain(name);
});
