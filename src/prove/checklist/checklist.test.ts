import { describe, expect, test } from 'vitest';
import { checkManifest, memoryFiles } from '../../manifest/index.ts';
import { check, type Facts, type State } from './index.ts';
import { projectFiles } from './project-files.ts';

const base = `
version: 1
trustDomain: shop.example
issuers: [embedded]
gateway: { listen: "https://127.0.0.1:8443", limits: { perIp: 600/min } }
services:
  orders: { run: node orders.js, openapi: orders.yaml }
routes:
  - { path: /api/orders, service: orders, limits: { perUser: 60/min } }
`;

const openapi =
  'openapi: 3.1.0\ninfo: { title: o, version: "1" }\npaths:\n  /api/orders:\n    get: { responses: { "200": { description: ok } } }\n';

interface Situation {
  readonly manifest?: (text: string) => string;
  readonly files?: Readonly<Record<string, string>>;
  readonly facts?: Partial<Facts>;
}

function situation({ manifest = (text) => text, files = {}, facts = {} }: Situation): Facts {
  const folder = memoryFiles(new Map([['/p/orders.yaml', openapi]]));
  const loaded = checkManifest('/p/merlon.yaml', manifest(base), { files: folder });
  if (loaded.manifest === undefined) throw new Error(JSON.stringify(loaded.problems));
  const list = Object.entries(files).map(([path, text]) => ({ path, text: () => text }));
  return {
    manifest: loaded.manifest,
    files: projectFiles('/p', list),
    running: undefined,
    nowMs: 0,
    isRoot: false,
    ...facts,
  };
}

function stateOf(id: string, change: Situation = {}): State {
  return check(situation(change)).items.find((item) => item.id === id)?.state as State;
}

function fixesOf(id: string, change: Situation = {}): string {
  return check(situation(change))
    .fixes.filter(({ item }) => item === id)
    .map(({ what, fix }) => `${what} -> ${fix}`)
    .join('\n');
}

describe('the twelve items', () => {
  test('are twelve, and every one tells its evidence', () => {
    const { items, tally } = check(situation({}));
    expect(items).toHaveLength(12);
    for (const { evidence } of items) expect(evidence.length).toBeGreaterThan(0);
    expect(tally.met + tally.partly + tally['not-met'] + tally['not-applicable']).toBe(12);
  });

  test('quick fixes come first, and each has an owner', () => {
    const { fixes } = check(situation({ facts: { isRoot: true } }));
    const efforts = fixes.map(({ effort }) => effort);
    expect(efforts).toEqual([...efforts].sort((a, b) => 'mhd'.indexOf(a[0] as string) - 'mhd'.indexOf(b[0] as string)));
    for (const { owner } of fixes) expect(['developer', 'platform', 'security']).toContain(owner);
  });
});

describe('1. TLS', () => {
  test('met', () => expect(stateOf('tls')).toBe('met'));
  test('not met where the gateway listens in clear text', () =>
    expect(stateOf('tls', { manifest: (text) => text.replace('https://127', 'http://127') })).toBe('not-met'));
  test('partly where a service is reached in clear text elsewhere', () =>
    expect(
      fixesOf('tls', { manifest: (text) => text.replace('run: node orders.js', 'address: "http://10.0.0.7:8080"') }),
    ).toContain('http://10.0.0.7:8080 in clear text'));
  test('tells of a certificate that ends soon', () => {
    const running = {
      roles: [],
      services: [],
      expiries: [{ kind: 'certificate', name: 'edge', expiresAtMs: 86_400_000 }],
    };
    expect(fixesOf('tls', { facts: { running } })).toContain('edge ends within two weeks');
  });
});

describe('2. sign-in', () => {
  test('met', () => expect(stateOf('oidc')).toBe('met'));
  test('partly where a public route takes writes', () =>
    expect(
      fixesOf('oidc', {
        manifest: (text) =>
          text.replace('service: orders, limits: { perUser: 60/min }', 'service: orders, auth: public'),
      }),
    ).toContain('takes methods that write'));
});

describe('3. tokens', () => {
  test('met', () => expect(stateOf('jwt')).toBe('met'));
  test('partly where a service receives the token itself', () =>
    expect(
      stateOf('jwt', {
        manifest: (text) => text.replace('service: orders,', 'service: orders, forwardAuthorization: true,'),
      }),
    ).toBe('partly'));
});

describe('4. rotation', () => {
  test('met', () => expect(stateOf('rotation')).toBe('met'));
  test('partly with static secrets', () =>
    expect(
      fixesOf('rotation', {
        manifest: (text) => text.replace('openapi:', 'secrets: { KEY: "secret/orders#key" }, openapi:'),
      }),
    ).toContain('the secrets of orders'));
});

describe('5. secrets', () => {
  test('met', () => expect(stateOf('secrets')).toBe('met'));
  test('not met with a secret in the manifest', () =>
    expect(
      fixesOf('secrets', { manifest: (text) => text.replace('openapi:', 'env: { DB_PASSWORD: x }, openapi:') }),
    ).toContain('DB_PASSWORD of orders stands in the manifest'));
  test.each([
    ['a private key', `-----BEGIN ${'PRIVATE KEY'}-----\n${'A'.repeat(64)}\n`],
    ['an AWS access key', `key = "AKIA${'A1'.repeat(8)}"`],
    ['a GitHub token', `ghp_${'a1'.repeat(18)}`],
    ['a Stripe live key', `sk_live_${'a1'.repeat(12)}`],
  ])('not met with %s in a file', (what, text) => {
    expect(stateOf('secrets', { files: { 'src/config.ts': text } })).toBe('not-met');
    expect(fixesOf('secrets', { files: { 'src/config.ts': text } })).toContain(`src/config.ts holds ${what}`);
  });
  test('never shows what it found', () => {
    const secret = `ghp_${'a1'.repeat(18)}`;
    expect(JSON.stringify(check(situation({ files: { a: secret } })))).not.toContain(secret);
  });
  test('tells of an environment file that git would take', () => {
    expect(stateOf('secrets', { files: { '.env': 'A=b' } })).toBe('partly');
    expect(stateOf('secrets', { files: { '.env': 'A=b', '.gitignore': '.env*\n' } })).toBe('met');
  });
});

describe('6. images', () => {
  const Dockerfile = 'FROM node:24\nUSER 10001\n';
  test('do not apply without any', () => expect(stateOf('images')).toBe('not-applicable'));
  test('not met without a scan', () => expect(stateOf('images', { files: { Dockerfile } })).toBe('not-met'));
  test('met with a scan in CI', () =>
    expect(stateOf('images', { files: { Dockerfile, '.github/workflows/ci.yml': 'run: trivy image shop' } })).toBe(
      'met',
    ));
});

describe('7. without root', () => {
  test('does not apply without containers', () => expect(stateOf('non-root')).toBe('not-applicable'));
  test.each([
    ['FROM node:24\n', 'not-met'],
    ['FROM node:24\nUSER root\n', 'not-met'],
    ['FROM node:24\nUSER 0:0\n', 'not-met'],
    ['FROM node:24 AS build\nUSER node\nFROM node:24\n', 'not-met'],
    ['FROM node:24 AS build\nFROM node:24\nUSER node\n', 'met'],
    ['FROM gcr.io/distroless/nodejs:nonroot\n', 'met'],
  ] as const)('%j: %s', (text, state) => expect(stateOf('non-root', { files: { Dockerfile: text } })).toBe(state));
  test('partly where Merlon itself runs as root', () =>
    expect(stateOf('non-root', { facts: { isRoot: true } })).toBe('partly'));
});

describe('8. network', () => {
  const deployment = 'apiVersion: apps/v1\nkind: Deployment\n';
  test('partly on one host', () => expect(stateOf('network')).toBe('partly'));
  test('not met with workloads in Kubernetes and no NetworkPolicy', () =>
    expect(stateOf('network', { files: { 'k8s/a.yaml': deployment } })).toBe('not-met'));
  test('no longer with one', () =>
    expect(stateOf('network', { files: { 'k8s/a.yaml': deployment, 'k8s/n.yaml': 'kind: NetworkPolicy\n' } })).toBe(
      'partly',
    ));
});

describe('9. logs', () => {
  test('partly, since nothing is exported', () => expect(stateOf('logs')).toBe('partly'));
});

describe('10. limits and validation', () => {
  test('met', () => expect(stateOf('limits')).toBe('met'));
  test.each([
    ['one address may send any number', (text: string) => text.replace(', limits: { perIp: 600/min }', '')],
    ['no limits on /api/orders', (text: string) => text.replace(', limits: { perUser: 60/min }', '')],
    ['it has no OpenAPI document', (text: string) => text.replace(', openapi: orders.yaml', '')],
    [
      'break the document pass',
      (text: string) => text.replace('service: orders,', 'service: orders, validate: { requests: report },'),
    ],
  ])('tells that %s', (what, manifest) => expect(fixesOf('limits', { manifest })).toContain(what));
});

describe('11. dependencies', () => {
  const lock = { 'package.json': '{}', 'package-lock.json': '{}' };
  test('not met with nothing', () => expect(stateOf('dependencies')).toBe('not-met'));
  test('partly with a lock file', () => expect(stateOf('dependencies', { files: lock })).toBe('partly'));
  test('met with a bill of materials and an audit in CI', () =>
    expect(
      stateOf('dependencies', { files: { ...lock, 'sbom.cdx.json': '{}', '.gitlab-ci.yml': 'script: npm audit' } }),
    ).toBe('met'));
});

describe('12. incidents', () => {
  test('not met without a plan', () => expect(stateOf('incidents')).toBe('not-met'));
  test('partly with a contact alone', () =>
    expect(stateOf('incidents', { files: { 'SECURITY.md': 'write to us' } })).toBe('partly'));
  test('not met with an empty plan', () =>
    expect(stateOf('incidents', { files: { 'docs/incident-response.md': '# Plan\n' } })).toBe('not-met'));
  test('met with one', () =>
    expect(stateOf('incidents', { files: { 'docs/incident-response.md': 'Who is called. '.repeat(50) } })).toBe('met'));
});
