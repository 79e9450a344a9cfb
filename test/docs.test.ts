// Holds the documents against the code: a link that leads nowhere, a command, option, code, key or file that does not
// exist, a dependency without its line.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { Command } from 'commander';
import { beforeAll, describe, expect, test } from 'vitest';
import { commands } from '../src/cli/commands.ts';
import { exitCodes } from '../src/core/errors.ts';
import { attacks } from '../src/prove/index.ts';

const root = resolve(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const documents = globSync('{*.md,docs/**/*.md,bin/*.md,src/*/README.md,test/*.md,examples/**/*.md}', {
  cwd: root,
  exclude: (path) => path.includes('node_modules') || path.includes('.merlon'),
}).sort();
const sources = globSync('src/**/*.ts', { cwd: root }).filter((path) => !path.endsWith('.test.ts'));

/** Fenced blocks and spans of code, one string each. */
function codeOf(text: string): string[] {
  const blocks = [...text.matchAll(/^ *```[a-z]*\n([\s\S]*?)^ *```/gm)].map(([, block]) => block as string);
  const prose = text.replace(/^ *```[a-z]*\n[\s\S]*?^ *```/gm, '');
  const spans = [...prose.matchAll(/`([^`\n]+)`/g)].map(([, span]) => span as string);
  return [...blocks.flatMap((block) => block.split('\n')), ...spans];
}

/** What each document says in code. */
const said = documents.flatMap((document) => codeOf(read(document)).map((code) => ({ document, code })));

/** GitHub's anchors. */
function anchorsOf(text: string): Set<string> {
  const headings = text.replace(/^ *```[\s\S]*?^ *```/gm, '').matchAll(/^#+ (.+)$/gm);
  return new Set(
    [...headings].map(([, heading]) =>
      (heading as string)
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

test('there are documents', () => {
  expect(documents).toEqual(expect.arrayContaining(['README.md', 'ARCHITECTURE.md', 'SECURITY.md', 'docs/explain.md']));
});

describe('links', () => {
  test.each(documents)('of %s lead somewhere', (document) => {
    const links = [...read(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link as string);
    const broken = links.filter((link) => !/^(https?|mailto):/.test(link) && !resolves(document, link));
    expect(broken).toEqual([]);
  });

  function resolves(document: string, link: string): boolean {
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? document : relative(root, resolve(root, dirname(document), path));
    if (!existsSync(join(root, target))) return false;
    return anchor === undefined || anchorsOf(read(target)).has(anchor);
  }

  test('reach every document of docs/ from the README', () => {
    const readme = read('README.md');
    expect(documents.filter((path) => path.startsWith('docs/') && !readme.includes(`(${path})`))).toEqual([]);
  });
});

describe('commands', () => {
  interface Known {
    readonly options: ReadonlySet<string>;
    readonly children: ReadonlyMap<string, Known>;
  }
  const known = new Map<string, Known>();

  function knownOf(command: Command): Known {
    const options = command.options.flatMap(({ long, short }) => [long, short].filter((name) => name !== undefined));
    return {
      options: new Set([...options, '--help', '-h']),
      children: new Map(command.commands.map((child) => [child.name(), knownOf(child)])),
    };
  }

  beforeAll(async () => {
    for (const { name, load } of commands) {
      const command = new Command(name);
      (await load()).describe(command);
      known.set(name, knownOf(command));
    }
  });

  /** `merlon <words>` as it stands in code, up to a pipe, a comment, a redirection or the end of a substitution. */
  const calls = said.flatMap(({ document, code }) =>
    [...code.matchAll(/(?:^|[\s$(])merlon(?: --)? ((?:--?[a-zA-Z]|[a-z])[^|#)>;&]*)/g)].map(([, words]) => ({
      document,
      words: (words as string).trim().split(/\s+/),
    })),
  );

  test('are named in the documents', () => expect(calls.length).toBeGreaterThan(50));

  test('that are named exist, with their options', () => {
    expect(calls.flatMap(({ document, words }) => faultsOf(words).map((fault) => `${document}: ${fault}`))).toEqual([]);
  });

  function faultsOf(words: readonly string[]): string[] {
    const [name = '', ...rest] = words;
    if (name.startsWith('-')) return ['--help', '-h', '--version', '-V'].includes(name) ? [] : [`merlon ${name}`];
    const command = known.get(name);
    if (command === undefined) return [`there is no command \`merlon ${words.join(' ')}\``];
    const child = command.children.get(rest[0] ?? '');
    if (command.children.size > 0 && child === undefined && rest.length > 0 && /^[a-z]+$/.test(rest[0] as string))
      return [`there is no command \`merlon ${name} ${rest[0]}\``];
    const { options } = child ?? command;
    return rest
      .filter((word) => /^--?[a-z]/.test(word))
      .map((word) => word.split('=')[0] as string)
      .filter((word) => !options.has(word) && !command.options.has(word))
      .map((word) => `\`merlon ${name}\` has no option ${word}`);
  }

  test('all stand somewhere in docs/', () => {
    const text = documents.map(read).join('\n');
    expect(commands.filter(({ name }) => !text.includes(`merlon ${name}`)).map(({ name }) => name)).toEqual([]);
  });
});

describe('names', () => {
  const text = sources.map(read).join('\n');
  const quoted = new Set([...text.matchAll(/['"`]([a-z0-9]+(?:\.[a-z0-9-]+)+)['"`]/g)].map(([, name]) => name));
  const groups = new Set([...quoted].map((name) => (name as string).split('.')[0]));
  const keys = read('docs/manifest.md');
  const named = said.filter(({ code }) => /^[a-z0-9]+(\.[A-Za-z0-9-]+)+$/.test(code) && groups.has(code.split('.')[0]));

  test('of codes, actions, attacks and keys exist', () => {
    const isFile = (name: string): boolean => /\.(ts|mjs|md|json|yaml|sock|key|pem|sqlite|token|db)$/.test(name);
    // A route's keys are named without `routes[]` where the route is meant.
    const isKey = (name: string): boolean => keys.includes(`\`${name}\``) || keys.includes(`.${name}\``);
    const attack = new Set(attacks.map(({ id }) => id));
    const invented = named.filter(
      ({ code }) => !quoted.has(code) && !attack.has(code) && !isKey(code) && !isFile(code),
    );
    expect(invented).toEqual([]);
    expect(named.length).toBeGreaterThan(50);
  });

  test('of families of codes and attacks exist', () => {
    const families = said.filter(({ code }) => /^[a-z0-9]+(\.[a-z-]+)?[.-]\*$/.test(code));
    const all = [...quoted, ...attacks.map(({ id }) => id)] as string[];
    const isKey = (prefix: string): boolean => keys.includes(`\`${prefix}`);
    expect(
      families.filter(
        ({ code }) => !all.some((name) => name.startsWith(code.slice(0, -1))) && !isKey(code.slice(0, -1)),
      ),
    ).toEqual([]);
  });

  test('of files exist', () => {
    const paths = said.filter(
      ({ code }) => /^(src|test|tools|docs|examples|bin|\.ci)\/[\w./*{},-]+$/.test(code) && !code.includes('.merlon'),
    );
    expect(paths.filter(({ code }) => globSync(code, { cwd: root }).length === 0)).toEqual([]);
  });
});

test('npm scripts that are named exist', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const named = said.flatMap(({ document, code }) =>
    [...code.matchAll(/npm run (?:-s )?([a-z:]+)/g)].map(([, script]) => ({ document, script: script as string })),
  );
  expect(named.filter(({ script }) => scripts[script] === undefined)).toEqual([]);
});

test('every folder of src/ stands in the table of the house, and no other', () => {
  const table = read('ARCHITECTURE.md').split('## The house')[1]?.split('\n## ')[0] ?? '';
  const rows = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, folder]) => folder as string);
  const folders = globSync('src/*/', { cwd: root }).map((path) => basename(path));
  expect(rows.toSorted()).toEqual(folders.toSorted());
});

test('every domain of attacks has its row', () => {
  const rows = [...read('docs/prove.md').matchAll(/^\|[^|]+\| `([\w-]+)\.\*` \|/gm)].map(
    ([, domain]) => domain as string,
  );
  const domains = new Set(attacks.map(({ id }) => id.slice(0, id.indexOf('.'))));
  expect(rows.toSorted()).toEqual([...domains].toSorted());
});

test('every dependency has its line', () => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;
  const text = read('docs/dependencies.md');
  const rows = [...text.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name as string);
  const declared = [...Object.keys(dependencies ?? {}), ...Object.keys(devDependencies ?? {})];
  const examples = globSync('examples/*/package.json', { cwd: root }).flatMap((path) =>
    Object.keys((JSON.parse(read(path)) as { dependencies?: object }).dependencies ?? {}),
  );
  expect(rows.toSorted()).toEqual([...declared, ...examples].toSorted());
});

test('the table of exit codes is the one in force', () => {
  const table = read('docs/operations.md').split('## Exit codes')[1]?.split('\n## ')[0] ?? '';
  const rows = [...table.matchAll(/^\| (\d+) \| `(\w+)` \|/gm)].map(([, code, name]) => [name, Number(code)]);
  expect(Object.fromEntries(rows)).toEqual(exitCodes);
});
