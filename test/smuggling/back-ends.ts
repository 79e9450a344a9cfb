// Real servers to stand behind the gateway, each at its most lenient. What they make of the bytes shows in what they pass on to
// a recorder of their own, and in how often they answer.
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, chmodSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Sent } from './cases.ts';

/** A request as it came through a server; not complete where its body broke off. */
export interface Recorded extends Sent {
  readonly complete: boolean;
  /** Whether Authorization came along. */
  readonly credential: boolean;
}

/** One connection to a server, as a wire tap sees it. One character a byte. */
export interface Tapped {
  sent: string;
  received: string;
}

export interface BackEnd {
  readonly name: string;
  /** Where to reach it, through the tap. */
  readonly port: number;
  readonly recorded: Recorded[];
  readonly tapped: Tapped[];
  stop(): Promise<void>;
}

interface Place {
  readonly folder: string;
  readonly port: number;
  /** Port of the recorder. */
  readonly recorder: number;
}

export interface Kind {
  readonly name: string;
  readonly program: string;
  /** Writes the configuration and gives the arguments. */
  configure(place: Place): readonly string[];
}

export const servers: readonly Kind[] = [
  { name: 'nginx', program: 'nginx', configure: nginx },
  { name: 'Apache', program: 'apache2', configure: apache },
  { name: 'HAProxy', program: 'haproxy', configure: haproxy },
  { name: 'Caddy', program: 'caddy', configure: caddy },
];

function nginx({ folder, port, recorder }: Place): readonly string[] {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  const file = join(folder, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 1000; }
http {
  ${temporary.join(' ')}
  access_log off; ignore_invalid_headers off; underscores_in_headers on; merge_slashes off; server_tokens off;
  client_body_timeout 5s; proxy_ignore_client_abort on;
  upstream recorder { server 127.0.0.1:${recorder}; keepalive 16; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://recorder; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
    }
  }
}
`,
  );
  return ['-c', file, '-p', folder];
}

function apache({ folder, port, recorder }: Place): readonly string[] {
  const modules = ['mpm_event', 'authz_core', 'proxy', 'proxy_http'];
  const file = join(folder, 'apache.conf');
  writeFileSync(
    file,
    `ServerRoot ${folder}
ServerName localhost
Listen 127.0.0.1:${port}
PidFile ${folder}/pid
ErrorLog ${folder}/error.log
LogLevel crit
DefaultRuntimeDir ${folder}
${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
${process.getuid?.() === 0 ? 'User www-data\nGroup www-data' : ''}
StartServers 1
ServerLimit 1
ThreadsPerChild 64
MaxRequestWorkers 64
KeepAlive On
HttpProtocolOptions Unsafe LenientMethods Allow0.9
MergeSlashes Off
AllowEncodedSlashes NoDecode
ProxyPreserveHost On
ProxyPass / http://127.0.0.1:${recorder}/ nocanon keepalive=On
`,
  );
  return ['-f', file, '-DFOREGROUND'];
}

function haproxy({ folder, port, recorder }: Place): readonly string[] {
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(
    file,
    `global
  maxconn 1000
defaults
  mode http
  timeout connect 2s
  timeout client 5s
  timeout server 5s
frontend in
  bind 127.0.0.1:${port}
  option accept-invalid-http-request
  default_backend recorder
backend recorder
  server one 127.0.0.1:${recorder}
`,
  );
  return ['-db', '-f', file];
}

function caddy({ folder, port, recorder }: Place): readonly string[] {
  const file = join(folder, 'Caddyfile');
  writeFileSync(
    file,
    `{
  admin off
  auto_https off
  storage file_system ${folder}/data
  log {
    level ERROR
  }
}
http://:${port} {
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:${recorder}
}
`,
  );
  return ['run', '--adapter', 'caddyfile', '--config', file];
}

/** The path of an installed program. */
export function findProgram(name: string): string | undefined {
  return [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Node's own server, without another before it. */
export async function startNode(): Promise<BackEnd> {
  const recorder = await startRecorder();
  return tap('Node', recorder.port, recorder.recorded, async () => recorder.stop());
}

/** Starts a server in a folder of its own and waits until it accepts. */
export async function startServer({ name, program, configure }: Kind): Promise<BackEnd> {
  const recorder = await startRecorder();
  const folder = mkdtempSync(join(tmpdir(), 'merlon-smuggling-'));
  chmodSync(folder, 0o755);
  const port = await freePort();
  const args = configure({ folder, port, recorder: recorder.port });
  const child = spawn(findProgram(program) ?? program, args, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HOME: folder },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const cut = (): boolean => child.kill('SIGKILL');
  process.once('exit', cut);
  child.once('exit', () => process.off('exit', cut));
  await accepting(port, child, () => output);
  return tap(name, port, recorder.recorded, async () => {
    await end(child);
    recorder.stop();
    rmSync(folder, { recursive: true, force: true });
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const kill = setTimeout(() => child.kill('SIGKILL'), 2000);
  await gone;
  clearTimeout(kill);
}

async function accepting(port: number, child: ChildProcess, output: () => string): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (child.exitCode !== null) break;
    if (await accepts(port)) return;
    await new Promise((resume) => setTimeout(resume, 25));
  }
  throw new Error(`the server does not listen:\n${output()}`);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      answer(true);
    }).once('error', () => answer(false));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  await new Promise((closed) => server.close(closed));
  return port;
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
}

/** Node's server with its lenient parser, which writes down what it reads. */
async function startRecorder(): Promise<{ port: number; recorded: Recorded[]; stop(): void }> {
  const recorded: Recorded[] = [];
  const take = (request: IncomingMessage, response: ServerResponse): void => {
    let body = '';
    request.setEncoding('latin1').on('data', (text: string) => (body += text));
    request.on('error', () => undefined);
    request.on('close', () => {
      const { method = '', url = '', headers, complete } = request;
      recorded.push({
        method,
        target: url,
        host: headers.host ?? '',
        body,
        complete,
        credential: headers.authorization !== undefined,
      });
    });
    request.on('end', () => response.end('ok'));
  };
  const server = createHttp({ insecureHTTPParser: true, requireHostHeader: false, keepAliveTimeout: 20_000 }, take);
  server.on('checkExpectation', take);
  server.on('clientError', (_, socket: Socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const port = await listening(server);
  return {
    port,
    recorded,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Puts a relay before `behind` that passes bytes on as they are and keeps a copy. */
async function tap(name: string, behind: number, recorded: Recorded[], stop: () => Promise<void>): Promise<BackEnd> {
  const tapped: Tapped[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port: behind, host: '127.0.0.1', allowHalfOpen: true });
    const both: Tapped = { sent: '', received: '' };
    tapped.push(both);
    for (const [from, to, key] of [
      [near, far, 'sent'],
      [far, near, 'received'],
    ] as const) {
      sockets.add(from);
      from.on('data', (chunk: Buffer) => {
        both[key] += chunk.toString('latin1');
        to.write(chunk);
      });
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  const port = await listening(server);
  return {
    name,
    port,
    recorded,
    tapped,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await stop();
    },
  };
}

/** The status codes of the responses in `text`, in order, interim ones left out. */
export function statusesIn(text: string): number[] {
  return [...text.matchAll(/(?:^|\n|ok)HTTP\/1\.[01] (\d{3})/g)]
    .map(([, status]) => Number(status))
    .filter((status) => status >= 200);
}
