import type { IncomingMessage, Server } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { problemBody, problemType } from '../api/problem.ts';
import type { Decision } from '../api/record.ts';
import type { AgentSnapshot, EgressListener } from '../api/snapshot.ts';
import type { Clock } from '../core/clock.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import { nextId } from './decision.ts';
import type { RecordDecision } from './ports.ts';

const connectTimeoutMs = 10_000;

/** Forward proxies, one for each service that declares `egress`: CONNECT to the listed destinations, nothing else. */
export interface Egress extends Stoppable {
  apply(snapshot: AgentSnapshot): Promise<void>;
}

export function createEgress({ clock, record }: { clock: Clock; record: RecordDecision }): Egress {
  const listeners = new Map<string, { server: Server; listener: EgressListener }>();
  const closeAll = async (): Promise<void> => {
    for (const { server } of listeners.values()) {
      server.close();
      server.closeAllConnections();
    }
    listeners.clear();
  };
  return {
    apply: async ({ egress }) => {
      for (const [key, { server }] of listeners) {
        if (egress.some((each) => keyOf(each) === key)) continue;
        server.close();
        listeners.delete(key);
      }
      for (const listener of egress) {
        if (listeners.has(keyOf(listener))) continue;
        listeners.set(keyOf(listener), { server: await open(listener, clock, record), listener });
      }
    },
    stop: closeAll,
  };
}

const keyOf = ({ service, port, allow }: EgressListener): string => `${service}:${port}:${allow.join(',')}`;

/** Whether `target` (`host:port`, lower case) is one of `allow`. `*.example.com` covers its sub-domains, not itself. */
export function isAllowedDestination(target: string, allow: readonly string[]): boolean {
  return allow.some((each) => {
    if (!each.startsWith('*.')) return each === target;
    const suffix = each.slice(1);
    return target.endsWith(suffix) && target.length > suffix.length;
  });
}

async function open(listener: EgressListener, clock: Clock, record: RecordDecision): Promise<Server> {
  // Loaded with the first service that has `egress`: most hosts need no HTTP server of Node's.
  const { createServer } = await import('node:http');
  const server = createServer((request, response) => {
    const { id, body } = refusal(request, request.url ?? '', listener, clock, record);
    response.writeHead(403, { 'content-type': problemType, 'merlon-decision': id }).end(body);
  });
  server.on('connect', (request: IncomingMessage, client: Duplex, head: Buffer) => {
    client.on('error', () => client.destroy());
    const target = (request.url ?? '').toLowerCase();
    if (isAllowedDestination(target, listener.allow))
      return tunnel(target, client, head, (status) =>
        record(decisionOf(request, target, listener, clock, nextId(clock), status)),
      );
    const { body } = refusal(request, target, listener, clock, record);
    client.end(
      `HTTP/1.1 403 Forbidden\r\ncontent-type: ${problemType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listener.port, '127.0.0.1', resolve);
  });
  return server;
}

function tunnel(target: string, client: Duplex, head: Buffer, ended: (status: number) => void): void {
  const colon = target.lastIndexOf(':');
  const upstream = connect({
    host: target.slice(0, colon),
    port: Number(target.slice(colon + 1)),
    timeout: connectTimeoutMs,
  });
  let open = false;
  upstream.on('connect', () => {
    open = true;
    upstream.setTimeout(0);
    client.write('HTTP/1.1 200 Connection established\r\n\r\n');
    if (head.length > 0) upstream.write(head);
    client.pipe(upstream).pipe(client);
    ended(200);
  });
  upstream.on('timeout', () => upstream.destroy(new Error('timeout')));
  upstream.on('error', () => {
    if (open) return void client.destroy();
    client.end('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
    ended(502);
  });
  client.on('close', () => upstream.destroy());
}

function refusal(
  request: IncomingMessage,
  target: string,
  listener: EgressListener,
  clock: Clock,
  record: RecordDecision,
): { id: string; body: string } {
  const id = nextId(clock);
  record(decisionOf(request, target, listener, clock, id, 403));
  return { id, body: problemBody(403, 'mesh.undeclared-egress', 'this service may not reach this destination', id) };
}

function decisionOf(
  request: IncomingMessage,
  target: string,
  { service, allow }: EgressListener,
  clock: Clock,
  id: string,
  status: number,
): Decision {
  const denied = status === 403;
  const shown = target.slice(0, 256);
  return {
    kind: 'decision',
    id,
    timeMs: clock.now(),
    plane: 'egress',
    verdict: denied ? 'deny' : status >= 500 ? 'error' : 'allow',
    status,
    method: request.method ?? '',
    host: shown,
    path: '',
    remoteAddress: request.socket.remoteAddress ?? '',
    service,
    principal: { kind: 'workload', id: service },
    steps: [{ filter: 'egress', outcome: denied ? 'deny' : 'pass' }],
    ...(denied
      ? {
          reason: {
            filter: 'egress',
            code: 'mesh.undeclared-egress',
            message: 'this service may not reach this destination',
            rule: `services.${service}.egress`,
            expected: `CONNECT to one of ${allow.join(', ')}`,
            actual: shown,
            fixes: [`add \`${shown}\` to \`services.${service}.egress\` in the manifest, if it is meant to be reached`],
          },
        }
      : {}),
    durationMs: 0,
  };
}
