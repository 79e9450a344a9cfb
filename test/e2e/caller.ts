import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';

export interface CallOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text as it is; anything else as JSON. */
  readonly body?: unknown;
  /** The user who calls. */
  readonly as?: string;
  /** A token that goes along as it is. */
  readonly token?: string;
  /** Loopback address to call from. */
  readonly from?: string;
  /** Connections to use. Default: one of its own. */
  readonly agent?: Agent;
}

/** An answer of the gateway. */
export interface Call {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  /** The body as JSON, whatever it holds. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  readonly json: any;
  /** The decision id. */
  readonly decision: string;
  readonly bytes: number;
  /** Digest of the body's bytes, in base64. */
  bodyDigest(algorithm: string): string;
  /** Whether it came over a connection that had been used before. */
  readonly reused: boolean;
}

/** Requests of the gateway at `url`, trusting `ca`. */
export function createCaller(
  url: string,
  ca: string,
  tokenOf: (user: string) => Promise<string>,
): (target: string, options?: CallOptions) => Promise<Call> {
  return async (target, { method = 'GET', headers = {}, body, as, token, agent, from } = {}) => {
    const bearer = as === undefined ? token : await tokenOf(as);
    const payload = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const fields: Record<string, string> = {
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      ...(payload === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(payload)) }),
      ...headers,
    };
    return new Promise((resolve, reject) => {
      const local = from === undefined ? {} : { localAddress: from };
      const options = { method, headers: fields, ca, path: target, timeout: 20_000, ...local };
      const sent = request(url, { ...options, agent: agent ?? false }, (response) =>
        read(response, sent.reusedSocket).then(resolve, reject),
      );
      sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
      sent.on('error', reject);
      sent.end(payload);
    });
  };
}

async function read(response: IncomingMessage, reused: boolean): Promise<Call> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const text = body.toString();
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text,
    get json() {
      return JSON.parse(text);
    },
    decision: String(response.headers['merlon-decision'] ?? ''),
    bytes: body.length,
    bodyDigest: (algorithm) => createHash(algorithm).update(body).digest('base64'),
    reused,
  };
}

/** Connections that are kept and used again. */
export function keepAlive(ca: string, maxSockets = 1): Agent {
  return new Agent({ keepAlive: true, maxSockets, ca });
}
