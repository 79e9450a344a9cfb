// What a role loads is what it takes to start, and most of what an idle one holds: nobody sees a stray import, and each costs
// all four of them. These bounds leave room to grow by some modules; where one is reached, look at what came along before it is raised.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const hook = join(import.meta.dirname, 'fakes', 'loaded-modules.ts');

interface Loaded {
  readonly files: readonly string[];
  readonly builtIn: readonly string[];
}

/** All that stands in memory once a role's command has been read, before it is carried out. */
function loadedBy(command: string): Loaded {
  const words = ['--import', hook, join(root, 'bin', 'merlon.mjs'), command, '--help'];
  const { stderr, status } = spawnSync(process.execPath, words, { encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 });
  expect(status).toBe(0);
  return JSON.parse(stderr) as Loaded;
}

const packageOf = (file: string): string | undefined =>
  /\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*\/node_modules\/)/.exec(file)?.[1];
const sourceOf = (file: string): string | undefined => /\/src\/(.*)\.ts$/.exec(file)?.[1];

interface Bounds {
  readonly most: number;
  readonly packages: readonly string[];
  /** Folders and files below `src`. */
  readonly sources: readonly string[];
}

// Validators, YAML, the JOSE library, policies from text and documents from text belong to control and the command line.
const parsers = [
  'openapi/load/load',
  'openapi/sample',
  'policy/cedar-wasm',
  'manifest',
  'control',
  'storage',
  'secrets',
  'oidc',
];
const bounds: Readonly<Record<string, Bounds>> = {
  gateway: {
    most: 560,
    packages: ['zod', 'yaml', 'jose', 'oidc-provider', '@cedar-policy/cedar-wasm', '@redis/client'],
    sources: parsers,
  },
  agent: {
    most: 200,
    packages: ['zod', 'yaml', 'jose', 'ajv', 'oidc-provider'],
    sources: [...parsers, 'waf', 'openapi', 'policy', 'gateway'],
  },
  up: {
    most: 300,
    packages: ['ajv', 'jose', 'oidc-provider'],
    sources: ['net', 'waf', 'openapi', 'policy', 'control', 'manifest/discover'],
  },
  // What the OpenID Provider needs is loaded with it; the firewall, where rules are not our own; Ajv never.
  control: {
    most: 660,
    packages: ['ajv', 'oidc-provider', '@cedar-policy/cedar-wasm', '@redis/client'],
    sources: ['waf', 'policy', 'gateway', 'manifest/discover'],
  },
};

describe.each(Object.entries(bounds))('%s', (command, { most, packages, sources }) => {
  const { files, builtIn } = loadedBy(command);

  test('loads nothing that another role runs', () => {
    expect(files.map(packageOf).filter((name) => name !== undefined && packages.includes(name))).toEqual([]);
    const loaded = files.map(sourceOf).filter((name) => name !== undefined);
    expect(loaded.filter((name) => sources.some((source) => name === source || name.startsWith(`${source}/`)))).toEqual(
      [],
    );
  });

  test(`loads at most ${most} modules`, () => {
    expect(files.length).toBeGreaterThan(100);
    expect(files.length).toBeLessThanOrEqual(most);
  });

  // To import `node:http` is to load the client behind `fetch` as well: 14 MB. Control serves the provider with it.
  if (command === 'control') return;
  test('does not bring Node’s own HTTP client along', () => {
    expect(builtIn.filter((name) => name.includes('undici'))).toEqual([]);
  });
});
