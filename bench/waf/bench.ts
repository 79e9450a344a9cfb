// What does the WAF cost, beside nginx with libmodsecurity, on the same requests and the same Core Rule Set 3.3 at paranoia 1? That one twice:
// as Debian packages it, switched on, and lean, without what reads responses and writes an audit log.
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningPeer, type Stage, startUpstream } from '../gateway/peers.ts';
import {
  describeMachine,
  formatNumber,
  formatSample,
  printTable,
  printTargets,
  type Question,
  type Sample,
  sampleOf,
  type Target,
  takeTurns,
  writeResult,
} from '../harness.ts';
import {
  accepting,
  cpuSeconds,
  findProgram,
  freePort,
  memoryOf,
  pinnedTo,
  planCores,
  runToEnd,
  start,
  treeOf,
} from '../processes.ts';
import { crsFolder, crsPresent, crsSetup } from './rules.ts';

const modules = '/usr/lib/nginx/modules';

/** Name, and bytes of the JSON body; 0: a GET. */
const loads = [
  ['GET', 0],
  ['POST 250 B', 250],
  ['POST 2 KB', 2048],
  ['POST 64 KB', 65_536],
] as const;

interface Reading {
  readonly perSecond: number;
  /** Per second of the peer's own CPU time. */
  readonly perCpuSecond: number;
}

/** How the peer's firewall is set up: not at all, with what it needs and no more, or as the distribution packages it, switched on. */
type Setup = 'off' | 'lean' | 'packaged';

const packagedFolder = '/etc/nginx';

const lean = `SecRuleEngine On
SecRequestBodyAccess On
SecResponseBodyAccess Off
SecAuditEngine Off
SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
`;

/** The package's own file, which only detects and writes its log elsewhere. */
function packaged(folder: string): string {
  copyFileSync(join(packagedFolder, 'unicode.mapping'), join(folder, 'unicode.mapping'));
  return readFileSync(join(packagedFolder, 'modsecurity.conf'), 'utf8')
    .replace(/^SecRuleEngine .*$/m, 'SecRuleEngine On')
    .replace(/^SecAuditLog .*$/m, `SecAuditLog ${join(folder, 'audit.log')}`);
}

function writeNginx(stage: Stage, port: number, setup: Setup): string {
  const folder = join(stage.folder, setup);
  mkdirSync(folder);
  const rules = join(folder, 'rules.conf');
  const base = setup === 'packaged' ? packaged(folder) : lean;
  writeFileSync(rules, `${base}\nInclude ${crsSetup}\nInclude ${crsFolder}/*.conf\n`);
  const blanks: Record<string, string> = {
    port: String(port),
    upstream: String(stage.upstream),
    engine: setup === 'off' ? 'off' : 'on',
    rules,
    modules,
  };
  const text = readFileSync(join(import.meta.dirname, 'nginx.conf'), 'utf8');
  const file = join(stage.folder, `waf-${setup}.conf`);
  writeFileSync(
    file,
    text.replace(/\{\{(\w+)\}\}/g, (_all, name: string) => blanks[name] ?? folder),
  );
  return file;
}

type Command = (stage: Stage, port: number) => readonly string[];

const merlon =
  (...words: readonly string[]): Command =>
  ({ upstream }, port) => [
    process.execPath,
    join(import.meta.dirname, 'merlon.ts'),
    ...['--port', String(port), '--upstream', String(upstream)],
    ...words,
  ];

const nginx =
  (program: string, setup: Setup): Command =>
  (stage, port) => [program, '-c', writeNginx(stage, port, setup), '-p', stage.folder];

async function startPeer(name: string, stage: Stage, command: Command): Promise<RunningPeer> {
  const port = await freePort();
  const process = start(pinnedTo(stage.cores.peer, stage.cores, command(stage, port)));
  await accepting(port, process, 60_000);
  return { name, port, url: `http://127.0.0.1:${port}`, process };
}

async function startAll(stage: Stage): Promise<RunningPeer[]> {
  const program = findProgram('nginx');
  const hasModule =
    existsSync(join(modules, 'ngx_http_modsecurity_module.so')) && existsSync(join(packagedFolder, 'modsecurity.conf'));
  const started = [
    await startPeer('merlon, off', stage, merlon()),
    await startPeer('merlon', stage, merlon('--crs', crsFolder, '--setup', crsSetup)),
  ];
  if (program === undefined || !hasModule) return started;
  return [
    ...started,
    await startPeer('nginx, off', stage, nginx(program, 'off')),
    await startPeer('libmodsecurity', stage, nginx(program, 'packaged')),
    await startPeer('libmodsecurity, lean', stage, nginx(program, 'lean')),
  ];
}

async function measure(peer: RunningPeer, stage: Stage, bytes: number, seconds: number): Promise<Reading> {
  const program = findProgram('wrk');
  if (program === undefined) throw new Error('`wrk` is needed: apt install wrk');
  const pids = treeOf(peer.process.pid);
  const before = cpuSeconds(pids);
  const words = [
    '-t',
    '1',
    '-c',
    '16',
    '-d',
    `${seconds}s`,
    '--timeout',
    '20s',
    '-s',
    join(import.meta.dirname, 'load.lua'),
  ];
  const output = await runToEnd(
    pinnedTo(stage.cores.load, stage.cores, [program, ...words, peer.url, '--', String(bytes)]),
  );
  const failed = /Non-2xx or 3xx responses: \d+|Socket errors: .*/.exec(output);
  if (failed !== null) throw new Error(`${peer.name}: ${failed[0]}`);
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]);
  const count = Number(/(\d+) requests in/.exec(output)?.[1]);
  return { perSecond, perCpuSecond: count / (cpuSeconds(pids) - before) };
}

type Rates = ReadonlyMap<string, Sample>;

/** Microseconds of CPU that the rules add to a request. */
const costOf = (rates: Rates): number => {
  const [on, off] = [rates.get('merlon')?.median ?? Number.NaN, rates.get('merlon, off')?.median ?? Number.NaN];
  return 1e6 / on - 1e6 / off;
};

function targetsOf(rates: ReadonlyMap<string, Rates>, perCpu: ReadonlyMap<string, Rates>): Target[] {
  const median = (load: string, name: string): number => rates.get(load)?.get(name)?.median ?? Number.NaN;
  const ratio = (load: string, a: string, b: string): number => median(load, a) / median(load, b);
  const growth = costOf(perCpu.get('POST 64 KB')!) / costOf(perCpu.get('POST 2 KB')!) / 32;
  return [
    ...['libmodsecurity', 'libmodsecurity, lean'].map(
      (peer): Target => ({
        what: `POST 250 B, of ${peer}`,
        wanted: 40,
        bound: 'at least',
        found: ratio('POST 250 B', 'merlon', peer),
        unit: ' x',
      }),
    ),
    {
      what: 'POST 250 B, of our own with the WAF off',
      wanted: 0.5,
      bound: 'at least',
      found: ratio('POST 250 B', 'merlon', 'merlon, off'),
    },
    { what: 'cost per byte, 64 KB of 2 KB', wanted: 1.5, bound: 'at most', found: growth },
  ];
}

export const question: Question = async (settings) => {
  if (!crsPresent()) throw new Error('the Core Rule Set is needed: apt install modsecurity-crs');
  const machine = describeMachine();
  const folder = mkdtempSync(join(tmpdir(), 'merlon-bench-'));
  const before = { cores: planCores(), folder, certificate: '', key: '', jwks: '', tokenFile: '', token: '' };
  const upstream = await startUpstream(before);
  const stage: Stage = { ...before, upstream: upstream.port };
  const running = await startAll(stage);
  const [rounds, seconds] = settings.quick ? [1, 2] : [5, 4];
  const rates = new Map<string, Rates>();
  const perCpu = new Map<string, Rates>();
  try {
    for (const [load, bytes] of loads) {
      const contenders = running.map((peer) => ({
        name: peer.name,
        measure: () => measure(peer, stage, bytes, seconds),
      }));
      for (const contender of contenders) await contender.measure();
      const results = [...(await takeTurns<Reading>(contenders, rounds))];
      rates.set(load, new Map(results.map(([name, all]) => [name, sampleOf(all.map((one) => one.perSecond))])));
      perCpu.set(load, new Map(results.map(([name, all]) => [name, sampleOf(all.map((one) => one.perCpuSecond))])));
      const rows = results.map(([name]) => [
        name,
        formatSample(rates.get(load)!.get(name)!),
        formatNumber(perCpu.get(load)!.get(name)!.median),
      ]);
      printTable(load, ['peer', 'requests/s', 'per CPU s'], rows);
    }
    const memory = Object.fromEntries(running.map(({ name, process }) => [name, memoryOf(treeOf(process.pid))]));
    const costs = Object.fromEntries([...perCpu].map(([load, of]) => [load, costOf(of)]));
    printTable(
      'CPU that the rules add',
      ['load', 'µs'],
      Object.entries(costs).map(([load, cost]) => [load, formatNumber(cost)]),
    );
    const targets = targetsOf(rates, perCpu);
    printTargets(targets);
    const plain = (of: ReadonlyMap<string, Rates>): object =>
      Object.fromEntries([...of].map(([load, one]) => [load, Object.fromEntries(one)]));
    writeResult('waf', settings, machine, { rates: plain(rates), perCpuSecond: plain(perCpu), costs, memory, targets });
  } finally {
    for (const { process } of [...running, upstream]) await process.stop();
    rmSync(folder, { recursive: true, force: true });
  }
};
