import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Decision } from '../../src/api/record.ts';
import type { GatewayRouteWaf, WafSection } from '../../src/api/waf.ts';
import type { WafRequest } from '../../src/waf/index.ts';
import { startTestGateway, type TestGateway } from '../fakes/gateway.ts';
import {
  count,
  type Input,
  loadRules,
  loadTests,
  present,
  rate,
  reflected,
  requestOf,
  show,
  tally,
} from './crs-suite.ts';

// The same tests as in crs.test.ts, through the real gateway: written to a socket byte by byte, parsed, normalised,
// inspected, forwarded to a service that answers as the test asks, and the answer inspected. What fired is read from the
// decision's record.

const route: GatewayRouteWaf = {
  mode: 'detect',
  exclusions: [],
  patches: [],
  responseBody: true,
  bodyBytes: 1_000_000,
  streamsBodies: false,
};

/** As the test writes it, whatever that is. */
function bytesOf(input: Input): Buffer {
  if (input.encoded_request !== undefined) return Buffer.from(input.encoded_request, 'base64');
  const { method, uri, protocol, headers, body }: WafRequest = requestOf(input);
  const line = protocol === 'HTTP/0.9' ? `${method} ${uri}` : `${method} ${uri} ${protocol}`;
  const head = [line, ...headers.map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n');
  return Buffer.concat([Buffer.from(head, 'latin1'), body ?? Buffer.alloc(0)]);
}

/** The first response to `bytes`: its head, as soon as it is there. */
function exchange(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    const timer = setTimeout(done, 1000);
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('\r\n\r\n')) done();
    });
    socket.once('close', done);
    socket.once('error', done);
  });
}

const masked = 'looks for the value itself in the log; records hold its shape';

/** Tests that are answered otherwise, and why. */
const exceptions: ReadonlyMap<string, string> = new Map([
  ['931130-24', masked],
  ['932200-13', masked],
  ['932207-7', masked],
  ['932300-10', masked],
  ['933120-2', masked],
  ['920400-1', 'announces 64,200 bytes and sends a template of them: the gateway waits for the rest'],
  ['942100-13', 'a pipe to a shell command, not SQL; the rules for commands answer for it'],
  ['920620-1', 'means a server that joins repeated fields; here they stay apart, which is what the rule looks for'],
]);

/** What must not fire a rule, and is refused before any sees it: why the engine does (docs/explain.md, `net.*`). */
const refusals: ReadonlyMap<string, string> = new Map([
  ['net.connect-refused', 'CONNECT: the gateway is no proxy'],
  ['net.bad-target', 'characters that a target cannot hold (RFC 9112, section 3.2), or an encoded backslash'],
  ['net.bad-method', 'a method that is no token'],
  ['net.bad-version', 'a version that is not HTTP/1.0 or HTTP/1.1'],
  ['net.bad-framing', 'both Content-Length and Transfer-Encoding (RFC 9112, section 6.1)'],
  ['net.bad-host', 'a host that is none'],
  ['net.bad-header', 'a bare CR in a field'],
]);

interface Seen {
  /** Rules that matched; undefined where the engine refused the request before any rule saw it. */
  readonly ids: ReadonlySet<number> | undefined;
  readonly log: string;
  /** Why it was refused, where it was. */
  readonly code: string;
}

describe.skipIf(!present)('the Core Rule Set behind the real gateway', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    const section: WafSection = { ruleSets: [loadRules()], digest: 'crs', sampling: 100, routes: { '/': route } };
    gateway = await startTestGateway({
      route: {
        bodyBytes: 1_000_000,
        encodedSlashes: true,
        securityHeaders: false,
        validate: { requests: 'off', unknownFields: 'allow', undeclared: 'allow', responses: 'off' },
      },
      snapshot: { waf: section },
      serve: ({ url, body }) => {
        const { status, headers, body: answer } = reflected({ uri: url, data: body });
        return { status, headers, body: Buffer.from(answer, 'latin1') };
      },
    });
  }, 60_000);
  afterAll(() => gateway?.stop());

  async function run(input: Input): Promise<Seen> {
    const { decisions } = gateway;
    const before = decisions.length;
    const answer = await exchange(gateway.port, bytesOf(input));
    const id = /^merlon-decision: (\S+)/im.exec(answer)?.[1];
    const isIts = (decision: Decision): boolean => decision.id === id;
    for (let turn = 0; turn < 200 && id !== undefined && !decisions.slice(before).some(isIts); turn++)
      await new Promise((resolve) => setTimeout(resolve, 5));
    const decision = decisions.slice(before).find(isIts);
    return decision === undefined ? { ids: new Set(), log: '', code: '' } : seenOf(decision);
  }

  it('fires where its tests want it to, and nowhere else', async () => {
    const positives = { request: tally(), response: tally() };
    const negatives = { request: tally(), response: tally() };
    const refused = new Map<string, string[]>();
    for (const { rule, number, stages } of loadTests()) {
      const side = rule >= 950_000 ? 'response' : 'request';
      for (const { input, output } of stages) {
        const { ids, log, code } = await run(input);
        const name = `${rule}-${number}`;
        const { expect_ids = [], no_expect_ids = [], match_regex, no_match_regex } = output.log ?? {};
        // What the engine refuses is blocked, whatever it was; which of it must not fire is told below, with the reason.
        for (const id of expect_ids) count(positives[side], name, ids?.has(id) ?? true);
        for (const id of no_expect_ids) count(negatives[side], name, ids?.has(id) !== true);
        if (match_regex !== undefined)
          count(positives[side], name, ids === undefined || new RegExp(match_regex).test(log));
        if (no_match_regex !== undefined) count(negatives[side], name, !new RegExp(no_match_regex).test(log));
        if (ids === undefined && (no_expect_ids.length > 0 || no_match_regex !== undefined))
          refused.set(code, [...(refused.get(code) ?? []), name]);
      }
    }
    process.stdout.write(
      show('crs at the gateway, request positives', positives.request) +
        show('crs at the gateway, request negatives', negatives.request) +
        show('crs at the gateway, response positives', positives.response) +
        show('crs at the gateway, response negatives', negatives.response),
    );
    for (const [code, names] of refused) process.stdout.write(`refused by the engine, ${code}: ${names.join(' ')}\n`);
    const failed = [positives, negatives].flatMap(({ request, response }) => [...request.failed, ...response.failed]);
    expect(failed.filter((name) => !exceptions.has(name))).toEqual([]);
    expect([...refused.keys()].filter((code) => !refusals.has(code))).toEqual([]);
    expect(rate(positives.request)).toBeGreaterThanOrEqual(0.99);
    expect(rate(negatives.request)).toBeGreaterThanOrEqual(0.995);
    expect(rate(positives.response)).toBeGreaterThanOrEqual(0.95);
    expect(rate(negatives.response)).toBeGreaterThanOrEqual(0.95);
  }, 180_000);
});

function seenOf({ waf, reason, steps }: Decision): Seen {
  const matches = waf?.matches ?? [];
  const isUnseen = steps.every(({ filter, outcome }) => filter !== 'waf' || outcome === 'skip');
  return {
    ids: isUnseen ? undefined : new Set(matches.map(({ rule }) => Number(rule))),
    log: matches
      .map(({ rule, message, variable, value }) => `[id "${rule}"] [msg "${message}"] [data "${value} in ${variable}"]`)
      .join(' '),
    code: reason?.code ?? '',
  };
}
