// What the five services share: a small HTTP server on node:http, calls to other services, and a database file.
// Who may call what is not decided here: that is Merlon's part (merlon.yaml, policies/).
import { mkdirSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Who calls, as Merlon vouches for it. It drops these fields when they come from outside. */
export interface Caller {
  /** `sub` of the user's token; undefined for an anonymous caller and for calls between services. */
  readonly subject: string | undefined;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  /** SPIFFE ID of the workload on the other end: the gateway, or the calling service. */
  readonly workload: string | undefined;
}

export interface ServiceRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly caller: Caller;
  readonly headers: IncomingMessage['headers'];
  /** The body as JSON. Throws `Refusal` 400, 413 or 415. */
  json(): Promise<unknown>;
}

export interface ServiceResponse {
  readonly status: number;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as HTML in place of `body`. */
  readonly html?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Handler = (request: ServiceRequest) => ServiceResponse | Promise<ServiceResponse>;

/** A request that is answered with a problem document (RFC 9457). */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface ServiceOptions {
  readonly name: string;
  /** By method and path template: `GET /api/orders/{orderId}`. */
  readonly routes: Readonly<Record<string, Handler>>;
  /** Runs after the last request. */
  readonly onStop?: () => void;
  /** How an error that is no `Refusal` is answered. Default: a bare 500. */
  readonly onError?: (error: unknown) => ServiceResponse;
}

interface Route {
  readonly method: string;
  readonly template: string;
  readonly segments: readonly string[];
  readonly handler: Handler;
}

const maxBodyBytes = 256 * 1024;

/** Serves on `HOST` (127.0.0.1 unless told) and `PORT` until SIGTERM. */
export function serve(options: ServiceOptions): void {
  const port = Number(process.env.PORT);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) fail(`${options.name} needs PORT`);
  const routes = [
    ...compileRoutes(options.routes),
    ...compileRoutes({ 'GET /healthz': () => ({ status: 200, body: { status: 'ok' } }) }),
  ];
  const unanswered = new Set<ServerResponse>();
  const server = createServer((message, response) => {
    unanswered.add(response);
    response.once('close', () => unanswered.delete(response));
    void answer(message, response, routes, options);
  });
  server.on('error', (error) => fail(`${options.name} cannot listen: ${error.message}`));
  server.listen(port, process.env.HOST ?? '127.0.0.1');
  // What runs is answered, on connections that then close; idle ones are closed by `close` itself.
  const stop = (): void => {
    server.prependListener('request', (_, response) => response.setHeader('connection', 'close'));
    for (const response of unanswered) if (!response.headersSent) response.setHeader('connection', 'close');
    server.close(() => {
      options.onStop?.();
      process.exit(0);
    });
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

/** Says why the service cannot run, and ends it. */
export function fail(reason: string): never {
  process.stderr.write(`${reason}\n`);
  process.exit(78);
}

function compileRoutes(routes: Readonly<Record<string, Handler>>): Route[] {
  return Object.entries(routes).map(([key, handler]) => {
    const [method = '', template = ''] = key.split(' ');
    return { method, template, segments: template.split('/'), handler };
  });
}

async function answer(
  message: IncomingMessage,
  response: ServerResponse,
  routes: readonly Route[],
  options: ServiceOptions,
): Promise<void> {
  const startMs = performance.now();
  const url = new URL(message.url ?? '/', 'http://service');
  const matching = routes.filter((route) => matchSegments(route.segments, url.pathname) !== undefined);
  const method = message.method === 'HEAD' ? 'GET' : message.method;
  const route = matching.find((candidate) => candidate.method === method);
  const result = await handle(message, url, route, matching.length > 0, options);
  send(response, result, message.method === 'HEAD');
  // The template and not the path: ids and names of customers stay out of the log.
  const line = {
    service: options.name,
    method: message.method,
    route: route?.template ?? null,
    status: result.status,
    ms: Math.round(performance.now() - startMs),
  };
  process.stdout.write(`${JSON.stringify({ ...line, decision: message.headers['merlon-decision'] })}\n`);
}

async function handle(
  message: IncomingMessage,
  url: URL,
  route: Route | undefined,
  pathExists: boolean,
  options: ServiceOptions,
): Promise<ServiceResponse> {
  try {
    if (route === undefined) throw new Refusal(pathExists ? 405 : 404, pathExists ? 'method not allowed' : 'not found');
    return await route.handler({
      params: matchSegments(route.segments, url.pathname) ?? {},
      query: url.searchParams,
      caller: callerOf(message.headers),
      headers: message.headers,
      json: () => readJson(message),
    });
  } catch (error) {
    if (error instanceof Refusal) return { status: error.status, body: { status: error.status, title: error.message } };
    if (options.onError !== undefined) return options.onError(error);
    process.stderr.write(`${options.name}: ${error instanceof Error ? error.stack : String(error)}\n`);
    return { status: 500, body: { status: 500, title: 'internal error' } };
  }
}

function send(response: ServerResponse, { status, body, html, headers }: ServiceResponse, head: boolean): void {
  const type =
    html !== undefined ? 'text/html; charset=utf-8' : status >= 400 ? 'application/problem+json' : 'application/json';
  const text = html ?? (body === undefined ? '' : JSON.stringify(body));
  response.writeHead(status, {
    ...(text === '' ? {} : { 'content-type': type }),
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(head ? undefined : text);
}

function matchSegments(segments: readonly string[], path: string): Record<string, string> | undefined {
  const parts = path.split('/');
  if (parts.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [at, segment] of segments.entries()) {
    const part = parts[at] as string;
    if (!segment.startsWith('{')) {
      if (segment !== part) return undefined;
    } else {
      const value = tryDecode(part);
      if (value === undefined || value === '') return undefined;
      params[segment.slice(1, -1)] = value;
    }
  }
  return params;
}

function tryDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function callerOf(headers: IncomingMessage['headers']): Caller {
  const text = (name: string): string | undefined => headers[name]?.toString();
  const list = (name: string, separator: string): string[] =>
    (text(name) ?? '')
      .split(separator)
      .map((item) => item.trim())
      .filter((item) => item !== '');
  return {
    subject: text('merlon-subject'),
    roles: list('merlon-roles', ',').map((role) => tryDecode(role) ?? role),
    scopes: list('merlon-scopes', ' '),
    workload: text('merlon-caller'),
  };
}

async function readJson(message: IncomingMessage): Promise<unknown> {
  if (!/^application\/json\s*(;|$)/.test(message.headers['content-type'] ?? ''))
    throw new Refusal(415, 'send application/json');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) throw new Refusal(413, 'the body is too large');
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new Refusal(400, 'the body is not JSON');
  }
}

/** The body as an object, or `Refusal` 400. */
export async function jsonObject(request: ServiceRequest): Promise<Record<string, unknown>> {
  const value = await request.json();
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Refusal(400, 'the body is not an object');
  return value as Record<string, unknown>;
}

/** The caller's subject, or `Refusal` 401. */
export function subjectOf({ caller }: ServiceRequest): string {
  if (caller.subject === undefined) throw new Refusal(401, 'sign in first');
  return caller.subject;
}

/** An integer query parameter within bounds, or `Refusal` 400. */
export function integerParam(
  query: URLSearchParams,
  name: string,
  { fallback, max }: { fallback: number; max: number },
): number {
  const value = Number(query.get(name) ?? fallback);
  if (!Number.isInteger(value) || value < 0 || value > max)
    throw new Refusal(400, `${name} must be an integer from 0 to ${max}`);
  return value;
}

/** Calls the service whose address `<NAME>_URL` holds; Merlon sets it for each declared call. */
export async function callService(name: string, path: string, init: RequestInit = {}): Promise<Response> {
  const base = process.env[`${name.toUpperCase()}_URL`];
  if (base === undefined) throw new Refusal(503, `${name} is not configured`);
  try {
    return await fetch(new URL(path, base), { ...init, redirect: 'error', signal: AbortSignal.timeout(5000) });
  } catch {
    throw new Refusal(503, `${name} does not answer`);
  }
}

/** The service's own database: a file in `DATA_FOLDER`, or in memory where there is none. */
export function openDatabase(name: string, schema: string): DatabaseSync {
  const folder = process.env.DATA_FOLDER;
  if (folder !== undefined) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(folder === undefined ? ':memory:' : join(folder, `${name}.sqlite`));
  database.exec('PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON;');
  database.exec(schema);
  return database;
}
