// The load: wrk for throughput and for latency at a part of it, h2load for HTTP/2, ab for handshakes, sockets of our own for connections that idle.
import { once } from 'node:events';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { cpuSeconds, findProgram, type Memory, memoryOf, pause, pinnedTo, runToEnd, treeOf } from '../processes.ts';
import type { RunningPeer, Stage } from './peers.ts';

export interface Throughput {
  readonly perSecond: number;
  /** In milliseconds. */
  readonly p99Ms: number;
  /** Share of its core that the peer was busy. Below 0.95 something else was the bound. */
  readonly busy: number;
  /** Per second of the peer's own CPU time: holds also where something else was the bound. */
  readonly perCpuSecond: number;
}

export interface Request {
  readonly method: 'GET' | 'POST';
  readonly connections: number;
  readonly seconds: number;
  /** With a user's token. */
  readonly token: boolean;
}

/** The share of one core that `peer` uses while `work` runs. */
async function watched<T>(peer: RunningPeer, work: () => Promise<T>): Promise<{ value: T; busy: number }> {
  const pids = treeOf(peer.process.pid);
  const cpu = cpuSeconds(pids);
  const start = performance.now();
  const value = await work();
  return { value, busy: (cpuSeconds(pids) - cpu) / ((performance.now() - start) / 1000) };
}

function program(name: string, from: string): string {
  const found = findProgram(name);
  if (found === undefined) throw new Error(`\`${name}\` is needed: apt install ${from}`);
  return found;
}

/** As many requests as it takes, for so many seconds. Throws where an answer was not 2xx. */
export async function runWrk(peer: RunningPeer, stage: Stage, request: Request): Promise<Throughput> {
  const { value, busy } = await watched(peer, () => wrk(peer, stage, request));
  const { perSecond, p99Ms } = readWrk(peer, value);
  return { perSecond, p99Ms, busy, perCpuSecond: perSecond / busy };
}

/** `thinkMs`: for how long a connection rests before each request, on average. */
function wrk({ url }: RunningPeer, stage: Stage, request: Request, thinkMs?: number): Promise<string> {
  const { method, connections, seconds, token } = request;
  const command = [
    ...[program('wrk', 'wrk'), '-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--latency'],
    ...['-s', join(import.meta.dirname, 'load.lua'), url, '--', method, token ? stage.tokenFile : '-'],
    ...(thinkMs === undefined ? [] : [String(thinkMs)]),
  ];
  return runToEnd(pinnedTo(stage.cores.load, stage.cores, command));
}

function readWrk(
  peer: RunningPeer,
  told: string,
): Omit<Throughput, 'busy' | 'perCpuSecond'> & { readonly p50Ms: number } {
  const failed = /Non-2xx or 3xx responses: \d+|Socket errors: .*/.exec(told);
  if (failed !== null) throw new Error(`${peer.name}: ${failed[0]}`);
  const share = (percent: number): number => milliseconds(new RegExp(` ${percent}%\\s+(\\S+)`).exec(told)?.[1] ?? '');
  return { perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(told)?.[1]), p50Ms: share(50), p99Ms: share(99) };
}

function milliseconds(text: string): number {
  const [, number, unit] = /^([\d.]+)(us|ms|s|m)$/.exec(text) ?? [];
  return Number(number) * (unit === 'us' ? 0.001 : unit === 'ms' ? 1 : unit === 's' ? 1000 : 60_000);
}

/** GET over HTTP/2: 32 connections with ten streams each; ten thousand requests for each of `seconds`. */
export async function runHttp2(peer: RunningPeer, stage: Stage, seconds: number): Promise<Throughput> {
  const command = [
    program('h2load', 'nghttp2-client'),
    // By number: told to stop after a time, h2load may wait for ever.
    ...['-t', '1', '-c', '32', '-m', '10', '-n', String(seconds * 10_000), `${peer.url}/api/items/7`],
  ];
  const { value, busy } = await watched(peer, () => runToEnd(pinnedTo(stage.cores.load, stage.cores, command)));
  const perSecond = Number(/finished in [\d.]+\w+, ([\d.]+) req\/s/.exec(value)?.[1]);
  if (!/Application protocol: h2/.test(value) || !/ 0 failed, 0 errored/.test(value))
    throw new Error(`${peer.name}: requests failed:\n${value}`);
  // h2load tells no percentiles.
  return { perSecond, p99Ms: Number.NaN, busy, perCpuSecond: perSecond / busy };
}

export interface Latency {
  readonly rate: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const thinkers = 128;

/**
 * GET at about `rate`, by 128 clients each of which rests for a random time before each request. A load generator that sends at fixed times
 * sends in bursts, of all its connections at once, and then it measures the queue that it makes itself.
 */
export async function runAtRate(
  peer: RunningPeer,
  stage: Stage,
  { rate, seconds, token }: { rate: number; seconds: number; token: boolean },
): Promise<Latency> {
  const request = { method: 'GET', connections: thinkers, seconds, token } as const;
  const { perSecond, p50Ms, p99Ms } = readWrk(peer, await wrk(peer, stage, request, (thinkers * 1000) / rate));
  return { rate: perSecond, p50Ms, p99Ms };
}

export interface Handshakes {
  readonly perSecond: number;
  readonly busy: number;
  /** Per second of the peer's own CPU time: holds also where the load generator was the bound. */
  readonly perCpuSecond: number;
}

/** Full TLS 1.3 handshakes, each with one request. */
export async function runHandshakes(peer: RunningPeer, stage: Stage, seconds: number): Promise<Handshakes> {
  const command = [
    program('ab', 'apache2-utils'),
    ...['-q', '-f', 'TLS1.3', '-c', '32', '-t', String(seconds), '-n', '100000000', `${peer.url}/api/items/7`],
  ];
  const { value, busy } = await watched(peer, () => runToEnd(pinnedTo(stage.cores.load, stage.cores, command)));
  const failed = Number(/Failed requests:\s+(\d+)/.exec(value)?.[1] ?? 0);
  if (failed > 0 || !/TLSv1\.3/.test(value)) throw new Error(`${peer.name}: handshakes failed:\n${value}`);
  const perSecond = Number(/Requests per second:\s+([\d.]+)/.exec(value)?.[1]);
  return { perSecond, busy, perCpuSecond: perSecond / busy };
}

export interface IdleMemory {
  readonly connections: number;
  readonly before: Memory;
  readonly after: Memory;
  /** Bytes, of proportional memory. */
  readonly bytesEach: number;
}

/** Key exchanges of TLS: the one that every peer knows, and the one that browsers ask for and an OpenSSL before 3.5 does not know. */
export type KeyExchange = 'X25519' | 'X25519MLKEM768';

/** Opens TLS connections, sends one request over each, and lets them idle. */
export async function holdIdle(peer: RunningPeer, connections: number, group: KeyExchange): Promise<IdleMemory> {
  const pids = treeOf(peer.process.pid);
  const warm = await openConnections(peer, 64, group);
  for (const socket of warm) socket.destroy();
  await pause(1000);
  const before = memoryOf(pids);
  const sockets = await openConnections(peer, connections, group);
  await pause(3000);
  const after = memoryOf(pids);
  for (const socket of sockets) socket.destroy();
  return { connections, before, after, bytesEach: ((after.pss - before.pss) * 1e6) / connections };
}

async function openConnections({ port }: RunningPeer, count: number, group: KeyExchange): Promise<TLSSocket[]> {
  const sockets: TLSSocket[] = [];
  const options = { host: '127.0.0.1', port, servername: 'localhost', rejectUnauthorized: false, ecdhCurve: group };
  const lane = async (): Promise<void> => {
    while (sockets.length < count) {
      const socket = connect(options);
      sockets.push(socket);
      await once(socket, 'secureConnect');
      socket.write('GET /api/items/7 HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await once(socket, 'data');
      socket.on('error', () => undefined).pause();
    }
  };
  await Promise.all(Array.from({ length: 32 }, lane));
  return sockets;
}
