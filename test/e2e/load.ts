// Load of several clients that goes on until it is told to stop, and remembers each failure with the connection it was on.
import { type Agent, request } from 'node:https';
import { keepAlive } from './caller.ts';
import type { Platform } from './platform.ts';

export interface Failure {
  readonly why: string;
  /** The client's end of the connection; 0 where there was none. */
  readonly localPort: number;
  readonly atMs: number;
}

export interface Load {
  readonly asked: () => number;
  /** Failures so far. */
  readonly failures: readonly Failure[];
  stop(): Promise<void>;
}

export interface LoadOptions {
  readonly path: string;
  readonly token?: string;
  /** Clients that keep their connection, and clients that make a new one for each request. */
  readonly kept: number;
  readonly fresh: number;
  /** PEM of those who may have signed the certificate. */
  readonly ca: string;
}

/** Starts the clients. Any answer but 200 is a failure, and so is none. */
export function startLoad(platform: Platform, options: LoadOptions): Load {
  const { kept, fresh, ca } = options;
  const failures: Failure[] = [];
  let asked = 0;
  let over = false;
  const client = async (agent: Agent | false): Promise<void> => {
    while (!over) {
      const { why, localPort } = await ask(platform.url, options, agent);
      if (why !== undefined) failures.push({ why, localPort, atMs: performance.now() });
      asked++;
      // A pause of a few milliseconds: a client that is always busy would never meet an idle connection's end.
      await new Promise((resume) => setTimeout(resume, 5 + (asked % 20)));
    }
    if (agent !== false) agent.destroy();
  };
  const clients = Promise.all([
    ...Array.from({ length: kept }, () => client(keepAlive(ca))),
    ...Array.from({ length: fresh }, () => client(false)),
  ]);
  return {
    asked: () => asked,
    failures,
    stop: async () => {
      over = true;
      await clients;
    },
  };
}

function ask(
  url: string,
  { path, token, ca }: LoadOptions,
  agent: Agent | false,
): Promise<{ why: string | undefined; localPort: number }> {
  return new Promise((resolve) => {
    let localPort = 0;
    const end = (why: string | undefined): void => resolve({ why, localPort });
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const sent = request(url, { path, agent, ca, headers, timeout: 20_000 }, (response) => {
      let body = '';
      response.on('data', (chunk) => (body += chunk));
      response.on('error', (error) => end(error.message));
      response.on('end', () => end(response.statusCode === 200 ? undefined : `${response.statusCode} ${body}`));
    });
    sent.on('socket', (socket) => {
      const note = (): void => void (localPort = socket.localPort ?? 0);
      if (socket.connecting) socket.once('connect', note);
      else note();
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
    sent.on('error', (error) => end(error.message));
    sent.end();
  });
}
