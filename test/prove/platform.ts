// The shop, started for attacks: on ports of its own, with protections switched off where a test asks for it.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Protection, Weaknesses } from '../../src/api/protections.ts';
import { createAdminClient } from '../../src/cli/admin-client.ts';
import { systemClock } from '../../src/core/clock.ts';
import { loadManifest } from '../../src/manifest/index.ts';
import { attacks, type ProveReport, type ProveTarget, prove } from '../../src/prove/index.ts';
import { createProveTarget } from '../../src/server/prove-target.ts';
import { stateLayout } from '../../src/server/state.ts';
import { up } from '../../src/server/up.ts';
import { createLogStream } from '../../src/supervisor/index.ts';
import { createTlsAuthority } from '../fakes/certificates.ts';
import { descriptorSet } from '../fakes/grpc-service.ts';

// A service of gRPC with its descriptors.
const grpcResponder = join(import.meta.dirname, '..', 'fakes', 'grpc-responder.ts');

// A service that believes whatever fields say of its caller.
const cgiResponder = join(import.meta.dirname, '..', 'fakes', 'cgi-responder.ts');

// A service that answers every question of its GraphQL endpoint.
const graphqlResponder = join(import.meta.dirname, '..', 'fakes', 'graphql-responder.ts');

const root = join(import.meta.dirname, '..', '..');

export interface TestPlatform {
  readonly target: ProveTarget;
  /** What the platform has said; for tests that fail. */
  readonly log: () => string;
  /** Runs the attacks whose ids begin with one of `prefixes` (all without any). */
  run(...prefixes: string[]): Promise<ProveReport>;
  stop(): Promise<void>;
}

export interface PlatformOptions {
  readonly port: number;
  readonly off?: readonly Protection[];
  /** Changes the shop's manifest. */
  readonly edit?: (manifest: string) => string;
}

/** Starts a copy of the shop with `off` switched off in every role. */
export async function startPlatform({ port, off = [], edit = (text) => text }: PlatformOptions): Promise<TestPlatform> {
  const folder = mkdtempSync(join(tmpdir(), 'mpr-'));
  cpSync(join(root, 'examples', 'shop'), folder, {
    recursive: true,
    filter: (path) => !/\.(?:merlon|data)$/.test(path),
  });
  const manifestPath = join(folder, 'm.yaml');
  const text = readFileSync(join(root, 'examples', 'shop', 'merlon.yaml'), 'utf8').replaceAll('8443', String(port));
  writeFileSync(manifestPath, edit(text));
  writeFileSync(join(folder, 'echo.binpb'), descriptorSet());
  const callers = createTlsAuthority('callers');
  writeFileSync(join(folder, 'callers.pem'), callers.bundle);
  const { manifest } = loadManifest(manifestPath);
  const layout = stateLayout(join(folder, 's'));
  const lines: string[] = [];
  const platform = await up({
    manifest,
    manifestPath,
    layout,
    clock: systemClock,
    logs: createLogStream({ write: (line) => void lines.push(line), colour: false, json: false }),
    logLevel: 'warn',
    roleCommand: (role, args) => [
      process.execPath,
      join(import.meta.dirname, 'weak-role.ts'),
      off.join(),
      role,
      ...args,
    ],
  }).catch((error: unknown) => {
    rmSync(folder, { recursive: true, force: true });
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${lines.slice(-30).join('')}`);
  });
  const weaknesses: Weaknesses = new Set(off);
  const admin = createAdminClient(layout);
  const robot = { dnsNames: ['robot.example'] };
  const clients = { client: callers.issue(robot), expiredClient: callers.issue(robot, true) };
  const setting = { manifest, manifestPath, layout, clock: systemClock, admin, weaknesses };
  const target = await createProveTarget({
    ...setting,
    ...(manifest.gateway.clientCertificates === undefined ? {} : { clients }),
  });
  return {
    target,
    log: () => lines.slice(-50).join(''),
    run: (...prefixes) => prove(target, { attacks: chosen(prefixes) }),
    stop: async () => {
      await platform.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Adds to the shop what it does not have, so that every attack applies: a network that may not call, a place outside, a query that no document confines, callers with certificates. */
export function withEverything(manifest: string): string {
  return manifest
    .replace('limits: { perIp: 1200/min,', 'ipDeny: [127.77.0.0/16]\n  limits: { perIp: 1200/min,')
    .replace('PUT: [legacy:write] }', 'PUT: [legacy:write] }\n    validate: { requests: report }')
    .replace('calls: [catalog, payments] ', 'egress: ["acquirer.invalid:443"]\n    calls: [catalog, payments, cgi] ')
    .replace(
      'limits: { perIp: 1200/min,',
      'clientCertificates: { mode: required, ca: callers.pem }\n  limits: { perIp: 1200/min,',
    )
    .replace('limits: { perIp: 1200/min,', 'scanners: { friendly: [127.0.0.1] }\n  limits: { perIp: 1200/min,')
    .replace('owner: { param: customerId,', 'mask: { unless: [manager] }\n    owner: { param: customerId,')
    .replace(
      '\nroutes:',
      `\n  graph:\n    run: [node, ${graphqlResponder}]\n  echo:\n    run: [node, ${grpcResponder}]\n    protocol: grpc\n    descriptors: echo.binpb\n  cgi:\n    run: [node, ${cgiResponder}]\n    health: /healthz\n\nroutes:\n  - path: /cgi\n    service: cgi\n  - path: /graphql\n    service: graph\n    graphql: {}\n  - path: /echo.v1.Echo\n    service: echo\n`,
    );
}

function chosen(prefixes: readonly string[]): typeof attacks {
  return prefixes.length === 0 ? attacks : attacks.filter(({ id }) => prefixes.some((prefix) => id.startsWith(prefix)));
}

/** What is not as it should be, as text: so that a failing test says why. */
export function surprises(report: ProveReport): string[] {
  return report.results
    .filter(({ verdict }) => verdict === 'got-through' || verdict === 'inconclusive')
    .map(({ attack, verdict, because }) => `${attack.id} ${verdict}: ${because}`);
}
