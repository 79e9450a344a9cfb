import type { ProbeCredentials, ProbeRequest } from '../../api/admin.ts';
import type { Decision } from '../../api/record.ts';
import { sleep } from '../../core/clock.ts';
import { MerlonError } from '../../core/errors.ts';
import { nameOfHttp2Error } from '../../core/http2-errors.ts';
import { randomToken } from '../../core/ids.ts';
import type { KeyPairPem, ProveTarget } from '../ports.ts';
import { type ExchangeOptions, exchange, type Route, type Transcript } from './exchange.ts';
import { callGrpc, type GrpcAnswer, type GrpcText } from './grpc.ts';
import { type Http2Answer, parseHttp2 } from './http2.ts';
import { showBytes } from './mask.ts';
import type { Observation } from './observation.ts';
import { formatRequest, type RequestText } from './request.ts';
import { fieldOf, type RawResponse } from './response.ts';

/** Who a probe says it is. */
export interface Person {
  readonly subject: string;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
}

/** The parts of a token that an attack may choose. */
export interface TokenTwist {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
}

/** The ways in which a probe speaks to the platform. */
export interface Wire {
  readonly target: ProveTarget;
  /** Distinguishes this run from every other: part of the names that limits count by. */
  readonly run: string;
  /** When the run began, epoch milliseconds. */
  readonly startedMs: number;
  /** A genuine access token of the embedded issuer. */
  token(person: Person, twist?: TokenTwist): Promise<string>;
  mint(request: ProbeRequest): Promise<ProbeCredentials>;
  /** One request to the public port, by itself. */
  edge(request: RequestText): Promise<Observation>;
  /** The same, waiting once where a limit says that it is too early: for callers who are to get through. */
  edgePatiently(request: RequestText): Promise<Observation>;
  /** Bytes to the public port. */
  edgeBytes(bytes: Buffer, options?: ExchangeOptions & { readonly route?: Route }): Promise<Observation>;
  /** The same request many times on one connection: the observation is of the first refusal, or else of the last answer. */
  edgeSeries(bytes: Buffer, single: Buffer, options: ExchangeOptions & { readonly route: Route }): Promise<Observation>;
  /** Frames of HTTP/2 to the public port; `shown` stands in the report in their place. */
  edgeHttp2(bytes: Buffer, shown: string): Promise<Observation>;
  /** The same, until the connection ends: for what must end it. */
  edgeFlood(bytes: Buffer, shown: string): Promise<Observation>;
  /** A call of gRPC to the public port, as its clients make it. */
  edgeGrpc(call: GrpcText): Promise<Observation>;
  /** Bytes to anywhere; the answer's problem code and decision are read as for the public port. */
  send(route: Route, bytes: Buffer, options?: ExchangeOptions): Promise<Observation>;
  readonly edgeRoute: Route;
  readonly controlRoute: Route;
}

export function createWire(target: ProveTarget): Wire {
  const { clock, edge, control } = target;
  const tokens = new Map<string, { token: string; untilMs: number }>();
  const edgeRoute: Route = {
    host: edge.host,
    port: edge.port,
    ...(edge.tls === undefined
      ? {}
      : { tls: { ...tlsOf(edge.tls.ca, edge.authority), ...credentialsOf(edge.tls.client) } }),
  };
  const http2Route: Route = { ...edgeRoute, tls: { ...edgeRoute.tls, ALPNProtocols: ['h2'] } };
  const send: Wire['send'] = async (route, bytes, options) => {
    const transcript = await exchange(clock, route, bytes, options);
    return observe(target, bytes, transcript);
  };
  const once: Wire['edge'] = (request) => send(edgeRoute, formatRequest(request, edge.authority), { responses: 1 });
  return {
    target,
    run: randomToken(4)
      .toLowerCase()
      .replaceAll(/[^a-z0-9]/g, '0'),
    startedMs: clock.now(),
    edgeRoute,
    controlRoute: { host: control.host, port: control.port, tls: tlsOf(control.ca, 'localhost') },
    mint: target.mint,
    token: async (person, twist = {}) => {
      const key = JSON.stringify([person, twist]);
      const kept = tokens.get(key);
      if (kept !== undefined && kept.untilMs > clock.now()) return kept.token;
      const { token } = await target.mint({ kind: 'access-token', key: 'issuer', ...mutable(person, twist) });
      if (token === undefined)
        throw new MerlonError({ code: 'prove.no-issuer', message: 'the embedded issuer is not in use' });
      tokens.set(key, { token, untilMs: clock.now() + keptMs });
      return token;
    },
    send,
    edge: once,
    edgePatiently: async (request) => {
      const first = await once(request);
      const waitSeconds = Number(fieldOf(first.transcript?.responses[0], 'retry-after') ?? Number.NaN);
      if (first.status !== 429 || !(waitSeconds <= longestWaitSeconds)) return first;
      await sleep(clock, waitSeconds * 1000);
      return once(request);
    },
    edgeSeries: async (bytes, single, { route, ...options }) => {
      const transcript = await exchange(clock, route, bytes, options);
      const { responses } = transcript;
      const telling = responses.find(({ status }) => status >= 300) ?? responses.at(-1);
      return observe(target, single, { ...transcript, responses: telling === undefined ? [] : [telling] });
    },
    edgeHttp2: async (bytes, shown) => {
      const until = (received: Buffer): boolean => parseHttp2(received).ended;
      return observeHttp2(target, shown, await exchange(clock, http2Route, bytes, { until, timeoutMs: 4000 }));
    },
    edgeFlood: async (bytes, shown) => {
      const until = (received: Buffer): boolean => parseHttp2(received).goAway !== undefined;
      return observeHttp2(target, shown, await exchange(clock, http2Route, bytes, { until, timeoutMs: 4000 }));
    },
    edgeGrpc: async (call) => observeGrpc(target, call, await callGrpc(clock, edgeRoute, edge.authority, call)),
    edgeBytes: (bytes, { route = edgeRoute, ...options } = {}) => send(route, bytes, options),
  };
}

const longestWaitSeconds = 20;

/** A probe token lives for a minute. */
const keptMs = 20_000;

function tlsOf(ca: string | undefined, authority: string): NonNullable<Route['tls']> {
  const name = authority.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  const isAddress = /^[\d.]+$|:/.test(name);
  return { ...(ca === undefined ? {} : { ca }), ...(isAddress ? {} : { servername: name }) };
}

/** What TLS is told of a certificate to show. */
export function credentialsOf(pair: KeyPairPem | undefined): { cert?: string; key?: string } {
  return pair === undefined ? {} : { cert: pair.certificate, key: pair.key };
}

function mutable(
  { subject, roles, scopes }: Person,
  { claims = {}, header = {} }: TokenTwist,
): Omit<Extract<ProbeRequest, { kind: 'access-token' }>, 'kind' | 'key'> {
  return { subject, roles: [...roles], scopes: [...scopes], claims: { ...claims }, header: { ...header } };
}

/** The observation of an exchange, with the ledger's record of it where the answer names one. */
async function observe(target: ProveTarget, bytes: Buffer, transcript: Transcript): Promise<Observation> {
  const response = transcript.responses[0];
  const problem = problemOf(response);
  const decision = fieldOf(response, 'merlon-decision') ?? problem.decision;
  const record = decision === undefined ? undefined : await findDecision(target, decision);
  return {
    sent: showBytes(bytes),
    received: describeAnswer(transcript),
    status: response?.status ?? 0,
    transcript,
    ...(problem.code === undefined ? {} : { code: problem.code }),
    ...(decision === undefined ? {} : { decision }),
    ...(record === undefined ? {} : { record }),
  };
}

/** As `observe`, for what came back in frames. */
async function observeHttp2(target: ProveTarget, shown: string, transcript: Transcript): Promise<Observation> {
  const answer = parseHttp2(transcript.bytes);
  const problem = answer.status >= 400 ? problemIn(answer.body) : {};
  const record = problem.decision === undefined ? undefined : await findDecision(target, problem.decision);
  return {
    sent: showBytes(shown),
    received: describeFrames(answer, transcript),
    status: answer.status,
    transcript,
    ...problem,
    ...(record === undefined ? {} : { record }),
  };
}

/** As `observe`, for a call of gRPC: its status of HTTP, and that of gRPC as the code. */
async function observeGrpc(target: ProveTarget, { path }: GrpcText, answer: GrpcAnswer): Promise<Observation> {
  const { status, grpcStatus, decision, error } = answer;
  const record = decision === undefined ? undefined : await findDecision(target, decision);
  return {
    sent: `POST ${path} HTTP/2\ncontent-type: application/grpc\n(no message)`,
    received:
      status === 0
        ? `(no response${error === undefined ? '' : `: ${error}`})`
        : `:status: ${status}\ngrpc-status: ${grpcStatus ?? '-'}`,
    status,
    ...(grpcStatus === undefined ? {} : { code: `grpc-status ${grpcStatus}` }),
    ...(decision === undefined ? {} : { decision }),
    ...(record === undefined ? {} : { record }),
  };
}

function describeFrames({ status, body, reset, goAway }: Http2Answer, { closed, error }: Transcript): string {
  return [
    ...(status === 0 ? [] : [`:status: ${status}`, ...(body === '' ? [] : ['', showBody(status, body)])]),
    ...(reset === undefined ? [] : [`(stream reset: ${nameOfHttp2Error(reset)})`]),
    ...(goAway === undefined ? [] : [`(connection ended: ${nameOfHttp2Error(goAway)})`]),
    ...(status === 0 && reset === undefined && goAway === undefined
      ? [`(${closed ? 'connection ended' : 'nothing came'}${error === undefined ? '' : `: ${error}`})`]
      : []),
  ].join('\n');
}

function problemOf(response: RawResponse | undefined): { code?: string; decision?: string } {
  if (response === undefined || !(fieldOf(response, 'content-type') ?? '').includes('problem+json')) return {};
  return problemIn(response.body);
}

function problemIn(body: string): { code?: string; decision?: string } {
  try {
    const { code, decision } = JSON.parse(body) as Record<string, unknown>;
    return {
      ...(typeof code === 'string' ? { code } : {}),
      ...(typeof decision === 'string' ? { decision } : {}),
    };
  } catch {
    return {};
  }
}

const recordTries = 40;

/** Records reach the ledger shortly after the answer. */
async function findDecision({ findRecord, clock }: ProveTarget, id: string): Promise<Decision | undefined> {
  for (let tries = 0; tries < recordTries; tries++) {
    const record = await findRecord(id);
    if (record?.kind === 'decision') return record;
    await sleep(clock, 50);
  }
  return undefined;
}

/** What came back, for a reader. */
export function describeAnswer({ responses, closed, error, connected }: Transcript): string {
  const texts = responses.map(({ status, fields, body }) => {
    const shown = fields.filter(([name]) => shownFields.has(name)).map(([name, value]) => `${name}: ${value}`);
    return [`HTTP/1.1 ${status}`, ...shown, ...(body === '' ? [] : ['', showBody(status, body)])].join('\n');
  });
  if (texts.length > 0) return `${texts.join('\n\n')}${closed ? '\n(connection closed)' : ''}`;
  return `(${connected ? 'connection ended' : 'no connection'} without a response${error === undefined ? '' : `: ${error}`})`;
}

const shownFields = new Set([
  'content-type',
  'merlon-decision',
  'www-authenticate',
  'retry-after',
  'ratelimit',
  'ratelimit-policy',
  'connection',
  'allow',
  'location',
  'access-control-allow-origin',
]);

/** Refusals are shown. What a rightful caller is given may be anybody's data, and stays out of reports. */
function showBody(status: number, body: string): string {
  if (status < 300) return `(${Buffer.byteLength(body)} bytes, not shown)`;
  const text = showBytes(body);
  return text.length > 400 ? `${text.slice(0, 400)} ...` : text;
}
