import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ManifestError, manifestCodes } from './errors.ts';
import { memoryFiles, systemFiles } from './files.ts';
import { checkManifest, loadManifest, maxManifestBytes } from './load.ts';
import { formatProblems } from './problem.ts';

const small =
  'version: 1\ntrustDomain: shop.example\nservices: { orders: { run: node orders.ts } }\nroutes: [{ path: /, service: orders }]\n';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'manifest-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

function failure(path: string): ManifestError {
  try {
    loadManifest(path);
  } catch (error) {
    if (error instanceof ManifestError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

/** The resolved manifest of a text that must hold. */
function resolved(text: string, given: Record<string, string> = {}) {
  const { manifest, problems } = checkManifest('merlon.yaml', text, {
    files: memoryFiles(new Map(Object.entries(given))),
  });
  if (manifest === undefined) throw new Error(formatProblems(problems));
  return manifest;
}

describe('files', () => {
  test('a manifest that holds is given resolved, with its folder', () => {
    const loaded = loadManifest(write('merlon.yaml', small));
    expect(loaded.manifest.services.orders?.run).toEqual(['node', 'orders.ts']);
    expect(loaded.folder).toBe(folder);
    expect(loaded.warnings).toEqual([]);
  });

  test('one that does not is thrown with its first error, its place, and how many more there are', () => {
    const error = failure(write('wrong.yaml', 'version: 1\ntrustDomain: A\nservices: {}\nunknown: 1\n'));
    expect(error.code).toBe('manifest.bad-value');
    expect(error.message).toBe(`${join(folder, 'wrong.yaml')}:2:14: \`A\` is not a trust domain (and 1 more)`);
    expect(error.problems.map(({ code }) => code)).toEqual(['manifest.bad-value', 'manifest.unknown-key']);
  });

  test('no file, a folder, and a file beyond its bound', () => {
    expect(failure(join(folder, 'nowhere.yaml')).code).toBe('manifest.not-found');
    expect(failure(folder).code).toBe('manifest.unreadable');
    expect(failure(write('large.yaml', `# ${'x'.repeat(maxManifestBytes)}`)).code).toBe('manifest.too-large');
  });

  test('a device that never ends is not read', () => {
    const text = `${small}gateway: { certificate: { cert: /dev/zero, key: /dev/zero } }\n`;
    expect(failure(write('device.yaml', text)).problems.map(({ code }) => code)).toEqual([
      'manifest.unreadable',
      'manifest.unreadable',
    ]);
  });

  test('a link does not lead discovery round in a circle', () => {
    mkdirSync(join(folder, 'loop'));
    symlinkSync('..', join(folder, 'loop', 'up'));
    expect(systemFiles.list(join(folder, 'loop'))).toEqual([]);
  });

  test('paths of files are resolved against the folder of the manifest', () => {
    mkdirSync(join(folder, 'deep'));
    write('deep/api.yaml', 'openapi: 3.1.0\npaths: {}\n');
    const path = write('deep/merlon.yaml', small.replace('orders.ts', 'orders.ts, openapi: api.yaml'));
    expect(loadManifest(path).manifest.services.orders?.openapi).toBe('api.yaml');
  });
});

describe('what is resolved', () => {
  test('defaults are the secure ones', () => {
    const { gateway, routes, issuers, audience } = resolved(small);
    expect(gateway.listen).toEqual({ scheme: 'https', host: '127.0.0.1', port: 8443 });
    expect(gateway.publicUrl).toBe('https://localhost:8443');
    expect(audience).toBe('https://localhost:8443');
    expect(issuers).toEqual(['embedded']);
    expect(routes[0]).toMatchObject({
      auth: 'required',
      forwardAuthorization: false,
      encodedSlashes: false,
      headers: true,
    });
    expect(routes[0]?.validate).toEqual({
      requests: 'block',
      unknownFields: 'refuse',
      undeclared: 'refuse',
      responses: 'off',
    });
  });

  test('quantities are in milliseconds, bytes, and counts per period', () => {
    const { gateway, routes } = resolved(
      'version: 1\ntrustDomain: a\ngateway: { listen: "http://[::1]:80", limits: { perIp: 10/s, bodyBytes: 1MB }, timeouts: { idle: 5m } }\nservices: { a: { run: x } }\nroutes: [{ path: /, service: a, limits: { quota: 10000/day } }]\n',
    );
    expect(gateway.listen).toEqual({ scheme: 'http', host: '::1', port: 80 });
    expect(gateway.publicUrl).toBe('http://localhost');
    expect(gateway.limits).toMatchObject({ perIp: { count: 10, periodMs: 1000, text: '10/s' }, bodyBytes: 1_000_000 });
    expect(gateway.timeouts).toEqual({ connect: 2000, firstByte: 30_000, idle: 300_000 });
    expect(routes[0]?.limits.quota).toEqual([{ count: 10_000, periodMs: 86_400_000, text: '10000/day', by: 'user' }]);
  });

  test('a map of scopes names the methods that there are: others are not left open', () => {
    const route = (written: string) =>
      resolved(
        `version: 1\ntrustDomain: a\nservices: { a: { run: x } }\nroutes: [{ path: /, service: a, ${written} }]\n`,
      ).routes[0];
    expect(route('scopes: { GET: [a], POST: [b] }')).toMatchObject({
      scopes: { GET: ['a'], HEAD: ['a'], POST: ['b'] },
      methods: ['GET', 'POST', 'HEAD'],
    });
    expect(route('scopes: [a, b]')).toMatchObject({ scopes: { '*': ['a', 'b'] } });
    expect(route('scopes: [a, b]')?.methods).toBeUndefined();
    expect(route('methods: [GET], scopes: { GET: [a] }')?.methods).toEqual(['GET']);
  });

  test('secrets are references, however they are written', () => {
    const { services } = resolved(
      'version: 1\ntrustDomain: a\nservices: { a: { address: "http://h:1", secrets: { A: secret/x/y#z, B: { path: secret/b#c, generate: true, as: file } } } }\nroutes: [{ path: /, service: a }]\n',
    );
    expect({ ...services.a?.secrets }).toEqual({
      A: { path: { mount: 'secret', path: 'x/y', field: 'z' }, generate: false, as: 'env' },
      B: { path: { mount: 'secret', path: 'b', field: 'c' }, generate: true, as: 'file' },
    });
  });

  test('maps by name hold what was declared and nothing inherited', () => {
    const { services, roles, users } = resolved(small);
    for (const map of [services, roles, users]) expect((map as Record<string, unknown>).constructor).toBeUndefined();
    const { services: odd } = resolved(
      small.replaceAll('orders:', 'constructor:').replaceAll('service: orders', 'service: constructor'),
    );
    expect(Object.keys(odd)).toEqual(['constructor']);
  });
});

test('an unknown name of a built-in method is no service', () => {
  const { problems } = checkManifest('merlon.yaml', small.replace('service: orders', 'service: constructor'), {
    files: memoryFiles(new Map()),
  });
  expect(problems.map(({ code }) => code)).toContain('manifest.unknown-service');
});

test('colours are for terminals that want them', () => {
  const { problems } = checkManifest('merlon.yaml', 'x: 1', { files: memoryFiles(new Map()) });
  expect(formatProblems(problems)).not.toContain('\x1b');
  expect(formatProblems(problems, { color: true })).toContain('\x1b[31merror\x1b[0m');
  expect(formatProblems([])).toBe('');
});

test('what a file holds does not steer the terminal', () => {
  const { problems } = checkManifest('merlon.yaml', '"\\e[2J\u202e": 1\nx: "\u009b31m"\n', {
    files: memoryFiles(new Map()),
  });
  expect(formatProblems(problems)).not.toMatch(/[\u001b\u009b\u202e]/);
});

test('every code has a meaning', () => {
  for (const [code, meaning] of Object.entries(manifestCodes)) {
    expect(code).toMatch(/^manifest\.[a-z-]+$/);
    expect(meaning).toMatch(/^[^A-Z].*[^.]$|^not /);
  }
});
