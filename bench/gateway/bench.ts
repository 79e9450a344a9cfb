// How does the data plane stand beside nginx, HAProxy, Caddy and Envoy: one core each, the same service behind it, the same load
// on it? Parts: plain, floor, secured, tls, handshakes, h2, latency, idle.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mintDevelopmentCa, mintServerCertificate } from '../../src/crypto/index.ts';
import {
  describeMachine,
  formatNumber,
  formatSample,
  printTable,
  printTargets,
  type Question,
  type Sample,
  type Settings,
  sampleOf,
  type Target,
  takeTurns,
  wants,
  writeResult,
} from '../harness.ts';
import { openFileLimit, planCores } from '../processes.ts';
import {
  type Handshakes,
  holdIdle,
  type KeyExchange,
  type Latency,
  type Request,
  runAtRate,
  runHandshakes,
  runHttp2,
  runWrk,
  type Throughput,
} from './load.ts';
import { type Peer, peers, type RunningPeer, type Stage, startPeer, startUpstream } from './peers.ts';
import { mintTokens } from './tokens.ts';

/** One run: its stage, how hard to try, and what it has found. */
interface Run {
  readonly stage: Stage;
  readonly settings: Settings;
  readonly upstream: RunningPeer;
  readonly rounds: number;
  readonly seconds: number;
  /** Before the rounds: code is compiled, connections are made. */
  readonly warmSeconds: number;
  readonly found: Record<string, unknown>;
  readonly targets: Target[];
}

type Rates = ReadonlyMap<string, Sample>;

const ratioTo = (rates: Rates, name: string, other: string): number =>
  (rates.get(name)?.median ?? Number.NaN) / (rates.get(other)?.median ?? Number.NaN);

/** Starts those that are installed, runs `work`, and ends them. */
async function among<T>(
  { stage }: Run,
  wanted: readonly Peer[],
  work: (running: RunningPeer[]) => Promise<T>,
): Promise<T> {
  const running: RunningPeer[] = [];
  try {
    for (const peer of wanted) if (peer.program !== undefined) running.push(await startPeer(peer, stage));
    return await work(running);
  } finally {
    for (const { process } of running) await process.stop();
  }
}

/** Throughput of `running`, round by round in turn; prints it and keeps it under `title`. */
async function compare(
  run: Run,
  title: string,
  running: readonly RunningPeer[],
  request: Omit<Request, 'seconds'>,
): Promise<Rates> {
  const { stage, rounds, seconds, warmSeconds } = run;
  for (const peer of running) await runWrk(peer, stage, { ...request, seconds: warmSeconds });
  const contenders = running.map((peer) => ({
    name: peer.name,
    measure: () => runWrk(peer, stage, { ...request, seconds }),
  }));
  const results = await takeTurns<Throughput>(contenders, rounds);
  return tell(run, `${title}: ${request.method}, ${request.connections} connections`, results);
}

/** Prints and keeps throughputs; gives the rates. */
function tell(run: Run, whole: string, results: ReadonlyMap<string, readonly Throughput[]>): Rates {
  const rates = new Map([...results].map(([name, runs]) => [name, sampleOf(runs.map(({ perSecond }) => perSecond))]));
  const [first = ''] = results.keys();
  const rows = [...results].map(([name, runs]) => [
    name,
    formatSample(rates.get(name) as Sample),
    `${formatNumber(ratioTo(rates, name, first))} x`,
    formatNumber(sampleOf(runs.map(({ p99Ms }) => p99Ms)).median),
    formatNumber(sampleOf(runs.map(({ busy }) => busy)).median),
    formatNumber(sampleOf(runs.map(({ perCpuSecond }) => perCpuSecond)).median),
  ]);
  printTable(whole, ['peer', 'requests/s', `of ${first}`, 'p99 ms', 'busy', 'per CPU s'], rows);
  run.found[whole] = Object.fromEntries(
    [...results].map(([name, runs]) => [name, { perSecond: rates.get(name), runs }]),
  );
  return rates;
}

const loads = (['GET', 'POST'] as const).flatMap((method) => [32, 256].map((connections) => ({ method, connections })));
const label = ({ method, connections }: { method: string; connections: number }): string =>
  `${method}, ${connections} connections`;

async function plainPart(run: Run): Promise<void> {
  const all = [peers.plain, peers.nginx, peers.haproxy, peers.caddy, peers.envoy];
  await among(run, all, async (running) => {
    for (const load of loads) {
      const rates = await compare(run, 'Plain proxy', [...running, run.upstream], { ...load, token: false });
      const ratio = (other: string): number => ratioTo(rates, 'merlon, plain', other);
      run.targets.push(
        { what: `plain, of nginx: ${label(load)}`, wanted: 0.85, bound: 'at least', found: ratio('nginx'), unit: ' x' },
        { what: `plain, of Envoy: ${label(load)}`, wanted: 1, bound: 'at least', found: ratio('envoy'), unit: ' x' },
        { what: `plain, of Caddy: ${label(load)}`, wanted: 3, bound: 'at least', found: ratio('caddy'), unit: ' x' },
      );
    }
  });
}

/** What Node's sockets cost alone, and what the engine adds to them. */
async function floorPart(run: Run): Promise<void> {
  await among(run, [peers.relay, peers.plain, peers.nginx], async (running) => {
    const load = { method: 'GET', connections: 32 } as const;
    await compare(run, 'The floor', [...running, run.upstream], { ...load, token: false });
  });
}

async function http2Part(run: Run): Promise<void> {
  const { stage, rounds, seconds, warmSeconds } = run;
  await among(run, [peers.plainTls, peers.nginxTls], async (running) => {
    // Each peer gets as many requests before the rounds: what runs from cold measures a compiler. A stream takes more code than a request of HTTP/1.1.
    for (const peer of running) await runHttp2(peer, stage, 3 * warmSeconds);
    const contenders = running.map((peer) => ({ name: peer.name, measure: () => runHttp2(peer, stage, seconds) }));
    const results = await takeTurns<Throughput>(contenders, rounds);
    const rates = tell(run, 'HTTP/2 over TLS: GET, 32 connections of 10 streams', results);
    const found = ratioTo(rates, 'merlon, TLS', 'nginx, TLS');
    run.targets.push({ what: 'HTTP/2, of nginx', wanted: 0.4, bound: 'at least', found, unit: ' x' });
  });
}

async function securedPart(run: Run): Promise<void> {
  await among(run, [peers.plain, peers.secured, peers.mesh, peers.envoySecured], async (running) => {
    for (const load of loads) {
      const rates = await compare(run, 'Secured, every request with a token', running, { ...load, token: true });
      for (const name of ['merlon, secured', 'merlon, secured, mesh'])
        run.targets.push(
          {
            what: `${name}, of plain: ${label(load)}`,
            wanted: 0.6,
            bound: 'at least',
            found: ratioTo(rates, name, 'merlon, plain'),
            unit: ' x',
          },
          {
            what: `${name}, of secured Envoy: ${label(load)}`,
            wanted: 1,
            bound: 'at least',
            found: ratioTo(rates, name, 'envoy, secured'),
            unit: ' x',
          },
        );
    }
  });
}

async function tlsPart(run: Run): Promise<void> {
  await among(run, [peers.plainTls, peers.nginxTls, peers.relayTls], async (running) => {
    const load = { method: 'GET', connections: 32 } as const;
    const rates = await compare(run, 'TLS 1.3, keep-alive', running, { ...load, token: false });
    const found = ratioTo(rates, 'merlon, TLS', 'nginx, TLS');
    run.targets.push({ what: `TLS, of nginx: ${label(load)}`, wanted: 0.8, bound: 'at least', found, unit: ' x' });
  });
}

/**
 * The same certificate, cipher suite (TLS_AES_256_GCM_SHA384, the client's first), key exchange (X25519) and two tickets for each peer. The client spends
 * more on a handshake than a peer does, so that what is compared is handshakes per second of the peer's own CPU time.
 */
async function handshakesPart(run: Run): Promise<void> {
  await among(run, [peers.plainTls, peers.nginxTls, peers.relayTls], async (running) => {
    // Requests first: the way of a request is compiled before that of a connection is measured.
    for (const peer of running) {
      await runWrk(peer, run.stage, { method: 'GET', connections: 32, seconds: run.warmSeconds, token: false });
      await runHandshakes(peer, run.stage, 2 * run.warmSeconds);
    }
    const contenders = running.map((peer) => ({
      name: peer.name,
      measure: () => runHandshakes(peer, run.stage, run.seconds),
    }));
    const results = await takeTurns<Handshakes>(contenders, run.rounds);
    const sample = (name: string, kind: keyof Handshakes): Sample =>
      sampleOf((results.get(name) ?? []).map((each) => each[kind]));
    printTable(
      'Full TLS 1.3 handshakes (ECDSA P-256), one request each',
      ['peer', 'per second', 'per second of its CPU', 'busy'],
      [...results.keys()].map((name) => [
        name,
        formatSample(sample(name, 'perSecond')),
        formatSample(sample(name, 'perCpuSecond')),
        formatNumber(sample(name, 'busy').median),
      ]),
    );
    run.found.handshakes = Object.fromEntries(results);
    const found = sample('merlon, TLS', 'perCpuSecond').median / sample('nginx, TLS', 'perCpuSecond').median;
    run.targets.push({
      what: 'handshakes per CPU second, of nginx',
      wanted: 0.8,
      bound: 'at least',
      found,
      unit: ' x',
    });
  });
}

/** Each peer at about half of what it can do; the same rate without a proxy is taken off. */
async function latencyPart(run: Run): Promise<void> {
  const rows: string[][] = [];
  await among(run, [peers.plain, peers.nginx, peers.haproxy, peers.envoy], async (running) => {
    for (const peer of running) rows.push(await measureLatency(run, peer, false));
  });
  await among(run, [peers.secured, peers.mesh, peers.envoySecured], async (running) => {
    for (const peer of running) rows.push(await measureLatency(run, peer, true));
  });
  printTable('Added latency at half load, milliseconds', ['peer', 'requests/s', 'p50', 'p99', 'p99 without'], rows);
}

/** Gives a row of the table. */
async function measureLatency(run: Run, peer: RunningPeer, token: boolean): Promise<string[]> {
  const { stage, seconds, warmSeconds, rounds, upstream } = run;
  const load = { method: 'GET', connections: 32, token } as const;
  await runWrk(peer, stage, { ...load, seconds: warmSeconds });
  const peak = await runWrk(peer, stage, { ...load, seconds });
  const at = { rate: peak.perSecond / 2, seconds, token };
  const results = await takeTurns<Latency>(
    [
      { name: 'with', measure: () => runAtRate(peer, stage, at) },
      { name: 'without', measure: () => runAtRate(upstream, stage, at) },
    ],
    Math.min(rounds, 3),
  );
  const median = (name: string, kind: keyof Latency): number =>
    sampleOf((results.get(name) ?? []).map((each) => each[kind])).median;
  const added = (kind: 'p50Ms' | 'p99Ms'): number => median('with', kind) - median('without', kind);
  if (peer.name.startsWith('merlon'))
    run.targets.push({
      what: `p99 added at half load: ${peer.name}`,
      wanted: 1,
      bound: 'at most',
      found: added('p99Ms'),
      unit: ' ms',
    });
  run.found[`latency: ${peer.name}`] = { peak: peak.perSecond, ...Object.fromEntries(results) };
  const figures = [median('with', 'rate'), added('p50Ms'), added('p99Ms'), median('without', 'p99Ms')];
  return [peer.name, ...figures.map(formatNumber)];
}

async function idlePart(run: Run): Promise<void> {
  // A client holds as many sockets as the peer does.
  const connections = Math.min(run.settings.quick ? 200 : 10_000, openFileLimit() - 500);
  const rows: string[][] = [];
  const measure = async (peer: Peer, group: KeyExchange): Promise<void> => {
    // A process for each: what one run leaves in its heap would count for the next.
    await among(run, [peer], async ([running]) => {
      if (running === undefined) return;
      const { before, after, bytesEach } = await holdIdle(running, connections, group);
      const name = `${peer.name}, ${group}`;
      rows.push([name, ...[before.pss, after.pss, after.rss, bytesEach / 1000].map(formatNumber)]);
      run.found[`idle: ${name}`] = { connections, before, after, bytesEach };
      if (peer !== peers.plainTls || run.settings.quick) return;
      const what = `${connections} idle TLS connections, ${group}`;
      run.targets.push({ what, wanted: 500, bound: 'at most', found: after.rss, unit: ' MB' });
    });
  };
  for (const peer of [peers.plainTls, peers.nginxTls, peers.relayTls]) await measure(peer, 'X25519');
  for (const peer of [peers.plainTls, peers.relayTls]) await measure(peer, 'X25519MLKEM768');
  printTable(
    `${connections} idle TLS connections, memory`,
    ['peer, key exchange', 'PSS before, MB', 'PSS with them, MB', 'RSS with them, MB', 'kB each'],
    rows,
  );
}

const parts: Readonly<Record<string, (run: Run) => Promise<void>>> = {
  plain: plainPart,
  floor: floorPart,
  secured: securedPart,
  tls: tlsPart,
  handshakes: handshakesPart,
  h2: http2Part,
  latency: latencyPart,
  idle: idlePart,
};

function listAbsent(): string[] {
  const absent = Object.values(peers).filter(({ program }) => program === undefined);
  for (const { name, package: from } of absent) process.stdout.write(`absent: ${name} (${from})\n`);
  return absent.map(({ name }) => name);
}

async function prepare(folder: string): Promise<{ stage: Stage; upstream: RunningPeer }> {
  const { jwks, tokens } = mintTokens(500);
  const nowMs = Date.now();
  const { certificatePem, privateKeyPem } = mintServerCertificate(mintDevelopmentCa(nowMs), {
    hosts: ['localhost'],
    nowMs,
  });
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const facts = {
    cores: planCores(),
    folder,
    certificate: write('certificate.pem', certificatePem),
    key: write('key.pem', privateKeyPem),
    jwks: write('jwks.json', jwks),
    tokenFile: write('tokens', `${tokens.join('\n')}\n`),
    token: tokens[0] as string,
  };
  const upstream = await startUpstream(facts);
  return { stage: { ...facts, upstream: upstream.port }, upstream };
}

export const question: Question = async (settings) => {
  const machine = describeMachine();
  const absent = listAbsent();
  const folder = mkdtempSync(join(tmpdir(), 'merlon-bench-'));
  const { stage, upstream } = await prepare(folder);
  // The whole of it lasts about a quarter of an hour.
  const effort = settings.quick ? { rounds: 1, seconds: 1, warmSeconds: 1 } : { rounds: 5, seconds: 2, warmSeconds: 2 };
  const run: Run = { stage, settings, upstream, ...effort, found: {}, targets: [] };
  try {
    for (const [name, part] of Object.entries(parts)) if (wants(settings, name)) await part(run);
  } finally {
    await upstream.process.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  printTargets(run.targets);
  writeResult('gateway', settings, machine, {
    cores: stage.cores,
    effort,
    absent,
    found: run.found,
    targets: run.targets,
  });
};
