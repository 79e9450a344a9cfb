// Pebble, Let's Encrypt's own small ACME server, as a real certificate authority for one test.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { mintDevelopmentCa, mintServerCertificate } from '../../src/crypto/index.ts';
import { startTestDns, type TestDns } from './dns.ts';

const program = [process.env.MERLON_PEBBLE ?? '', 'pebble', join(homedir(), 'go', 'bin', 'pebble')].find(
  (path) => path !== '' && spawnSync(path, ['-version']).status === 0,
);

/** Whether Pebble is installed: `go install github.com/letsencrypt/pebble/v2/cmd/pebble@latest`. */
export const hasPebble: boolean = program !== undefined;

export interface PebbleOptions {
  /** Where it looks for the answers to challenges. */
  readonly httpPort: number;
  readonly tlsPort: number;
  /** Key identifier and MAC key of the accounts that it knows; without them it asks for none. */
  readonly externalAccounts?: Readonly<Record<string, string>>;
}

export interface Pebble {
  readonly directory: string;
  /** Bundle of its own listener. */
  readonly ca: string;
  readonly dns: TestDns;
  /** What it has written. */
  readonly output: () => string;
  /** Root of the certificates that it issues. */
  issuerRoot(): Promise<string>;
  stop(): Promise<void>;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

export async function startPebble({ httpPort, tlsPort, externalAccounts }: PebbleOptions): Promise<Pebble> {
  const folder = mkdtempSync(join(tmpdir(), 'merlon-pebble-'));
  const [port, managementPort] = [await freePort(), await freePort()];
  const authority = mintDevelopmentCa(Date.now());
  const own = mintServerCertificate(authority, { hosts: ['localhost', '127.0.0.1'], nowMs: Date.now() });
  const at = (name: string): string => join(folder, name);
  writeFileSync(at('cert.pem'), own.certificatePem);
  writeFileSync(at('key.pem'), own.privateKeyPem, { mode: 0o600 });
  const config = {
    pebble: {
      listenAddress: `127.0.0.1:${port}`,
      managementListenAddress: `127.0.0.1:${managementPort}`,
      certificate: at('cert.pem'),
      privateKey: at('key.pem'),
      httpPort,
      tlsPort,
      ocspResponderURL: '',
      externalAccountBindingRequired: externalAccounts !== undefined,
      ...(externalAccounts === undefined ? {} : { externalAccountMACKeys: externalAccounts }),
      retryAfter: { authz: 1, order: 1 },
    },
  };
  writeFileSync(at('config.json'), JSON.stringify(config));
  const dns = await startTestDns();
  let output = '';
  // No wait before each validation; nonces are refused now and then, as Pebble does unless told.
  const env = { PATH: process.env.PATH, PEBBLE_VA_NOSLEEP: '1' };
  const args = ['-config', at('config.json'), '-dnsserver', `127.0.0.1:${dns.port}`, '-strict'];
  const child: ChildProcess = spawn(program as string, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk));
  const ended = new Promise((done) => child.once('exit', done));
  const pebble: Pebble = {
    directory: `https://127.0.0.1:${port}/dir`,
    ca: authority.certificatePem,
    dns,
    output: () => output,
    issuerRoot: () => get(`https://127.0.0.1:${managementPort}/roots/0`, authority.certificatePem),
    stop: async () => {
      child.kill('SIGKILL');
      await ended;
      dns.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  for (let attempt = 0; ; attempt++) {
    const isUp = await get(pebble.directory, pebble.ca).then(
      () => true,
      () => false,
    );
    if (isUp) return pebble;
    if (attempt > 200) throw new Error(`pebble does not answer: ${output}`);
    await new Promise((resume) => setTimeout(resume, 50));
  }
}

function get(url: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(url, { ca }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve(text));
    });
    call.once('error', reject);
    call.end();
  });
}
