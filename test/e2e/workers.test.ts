// Several workers on one port: what a crash of one costs, and what a change of the manifest, of the certificate and of the
// workers themselves costs: nothing.
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTlsAuthority } from '../fakes/certificates.ts';
import { type Load, startLoad } from './load.ts';
import { commandOf, type Platform, startPlatform, until } from './platform.ts';

const workers = 3;
const authority = createTlsAuthority('ours');

let platform: Platform;
let token: string;

beforeAll(async () => {
  platform = await startPlatform({
    edit: (text) =>
      text
        .replace('certificate: development', `certificate: development\n  workers: ${workers}`)
        .replaceAll(/per(User|Ip): \d+\/min/g, 'per$1: 600000/min'),
  });
  token = await platform.token('alice');
}, 90_000);

afterAll(() => platform?.stop(), 60_000);

const load = (kept: number, fresh: number): Load =>
  startLoad(platform, {
    path: '/api/catalog/products?limit=1',
    token,
    kept,
    fresh,
    ca: `${platform.ca}${authority.bundle}`,
  });

const gateways = (): number[] =>
  platform
    .roles()
    .filter(({ role }) => role === 'gateway')
    .map(({ pid }) => pid);

const pause = (ms: number): Promise<void> => new Promise((resume) => setTimeout(resume, ms));

/** The clients' ends of all connections to the public port that process `pid` holds. */
function clientPortsOf(pid: number): Set<number> {
  const sockets = new Set<string>();
  for (const name of readdirSync(`/proc/${pid}/fd`)) {
    try {
      sockets.add(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${name}`))?.[1] ?? '');
    } catch {
      // It was closed meanwhile.
    }
  }
  const portAt = (text: string): number => Number.parseInt(text.split(':')[1] ?? '', 16);
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1);
  const rows = lines.map((line) => line.trim().split(/\s+/)).filter((row) => sockets.has(row[9] ?? '-'));
  return new Set(rows.filter((row) => portAt(row[1] ?? '') === platform.port).map((row) => portAt(row[2] ?? '')));
}

async function allServe(former: readonly number[] = []): Promise<void> {
  await until(
    'every worker serves the snapshot',
    async () => {
      const { roles, snapshot } = await platform.status();
      const serving = roles.filter(({ role, version }) => role === 'gateway' && version === snapshot);
      const pids = gateways();
      return serving.length === workers && pids.length === workers && !pids.some((pid) => former.includes(pid));
    },
    30_000,
    platform.output,
  );
}

it('loses with a worker only the requests that this worker had in hand', async () => {
  const asking = load(6, 2);
  await until('there is load', () => asking.asked() > 300, 20_000);
  const before = asking.failures.length;
  const [victim = 0] = gateways()
    .map((pid) => ({ pid, held: clientPortsOf(pid).size }))
    .toSorted((a, b) => b.held - a.held)
    .map(({ pid }) => pid);
  // Stopped, it takes nothing more: what it holds now is all that can be lost.
  process.kill(victim, 'SIGSTOP');
  await pause(50);
  const held = clientPortsOf(victim);
  process.kill(victim, 'SIGKILL');
  await until('it is gone', () => commandOf(victim).length === 0);
  const asked = asking.asked();
  await until('the others go on', () => asking.asked() > asked + 300, 20_000);
  await allServe([victim]);
  await pause(500);
  await asking.stop();

  expect(before).toBe(0);
  expect(asking.failures.length).toBeGreaterThan(0);
  const strangers = asking.failures.filter(({ localPort }) => !held.has(localPort));
  expect(strangers).toEqual([]);
  expect(asking.failures.length).toBeLessThanOrEqual(held.size);
  process.stdout.write(
    `${asking.asked()} requests, ${asking.failures.length} lost with the ${held.size} connections of the killed worker\n`,
  );
}, 90_000);

it('loses no request to ten changes of the manifest, a new certificate and a change of all workers', async () => {
  const original = readFileSync(platform.manifest, 'utf8');
  const asking = load(6, 2);
  const write = async (text: string): Promise<void> => {
    const { snapshot } = await platform.status();
    writeFileSync(platform.manifest, text);
    await until(
      'there is a new snapshot',
      async () => (await platform.status()).snapshot !== snapshot,
      20_000,
      platform.output,
    );
    await allServe();
  };

  for (let round = 1; round <= 10; round++)
    await write(
      original.replace('\nroutes:\n', `\nroutes:\n  - { path: /round-${round}, service: storefront, auth: public }\n`),
    );
  const reloaded = asking.asked();

  const own = authority.issue({ dnsNames: ['localhost'], addresses: ['127.0.0.1'] });
  for (const [name, text] of [
    ['own.pem', own.certificate],
    ['own.key', own.key],
  ] as const)
    writeFileSync(join(platform.folder, name), text, { mode: 0o600 });
  await write(original.replace('certificate: development', 'certificate: { cert: own.pem, key: own.key }'));
  expect(await issuerAt(platform.port)).toContain('ours');
  await write(original);
  expect(await issuerAt(platform.port)).not.toContain('ours');
  const swapped = asking.asked();

  const former = gateways();
  for (const pid of former) {
    process.kill(pid, 'SIGTERM');
    await until('it has ended', () => commandOf(pid).length === 0, 15_000, platform.output);
    await until('another runs in its place', () => gateways().length === workers, 15_000, platform.output);
    await allServe([pid]);
  }
  await pause(300);
  await asking.stop();

  expect(asking.failures).toEqual([]);
  expect(gateways().filter((pid) => former.includes(pid))).toEqual([]);
  expect(asking.asked()).toBeGreaterThan(1000);
  process.stdout.write(
    `none of ${asking.asked()} requests lost: ${reloaded} with 10 reloads, ${swapped - reloaded} with 2 certificates, ${asking.asked() - swapped} with ${workers} workers replaced\n`,
  );
}, 150_000);

/** Who signed the certificate that a new connection is shown. */
function issuerAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false }, () => {
      resolve(JSON.stringify(socket.getPeerCertificate().issuer));
      socket.destroy();
    });
    socket.on('error', reject);
  });
}
