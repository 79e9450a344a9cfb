import { posix } from 'node:path';
import type { Path } from '../problem.ts';
import { isPlainSecret, isSecretName } from '../secrecy.ts';
import { at, isTree, listAt, portAt, type Tree, textAt, textOf, textsOf, treeAt } from '../tree.ts';
import type { FoundDocument } from './documents.ts';
import type { Facts, Setting, Workload } from './facts.ts';

const fileName = /(?:^|\/)(?:docker-)?compose(?:[._-][A-Za-z0-9._-]{1,64})?\.ya?ml$/i;

/** Whether a file is a compose file by its name. */
export function isComposeFile(file: string): boolean {
  return fileName.test(file);
}

/** Variables of the `.env` file beside a compose file (compose specification, "Interpolation"). */
export function parseEnvFile(text: string): ReadonlyMap<string, string> {
  const lines = text
    .split(/\r?\n/)
    .map((line) => /^\s*(?:export\s+)?([A-Za-z_]\w{0,127})\s*=(.*)$/.exec(line.slice(0, 8192)));
  return new Map(
    lines.flatMap((match) =>
      match === null
        ? []
        : [[match[1] as string, (match[2] as string).trim().replace(/^(["'])(.*)\1$/, '$2')] as const],
    ),
  );
}

/** Puts a word in the place of each secret: what a URL is built with it for is still a URL. */
function withoutSecrets(variables: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...variables].map(([name, value]) => [name, isPlainSecret(name, value) ? 'redacted' : value]));
}

/** `${NAME}`, `${NAME:-default}`, `$NAME`; `$$` is a dollar sign. What is not set is empty. */
export function interpolate(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(
    /\$(?:(\$)|([A-Za-z_]\w{0,127})|\{([A-Za-z_]\w{0,127})(?:(:?[-?+])([^}]{0,512}))?\})/g,
    (_, dollar?: string, plain?: string, name?: string, operator?: string, fallback?: string) => {
      if (dollar !== undefined) return '$';
      const value = variables.get(plain ?? name ?? '');
      const missing = value === undefined || (value === '' && operator?.startsWith(':') === true);
      if (operator?.endsWith('+') === true) return missing ? '' : (fallback ?? '');
      return missing ? (operator?.endsWith('-') === true ? (fallback ?? '') : '') : (value ?? '');
    },
  );
}

/** What reading one compose service needs. */
interface Reading {
  readonly document: FoundDocument;
  readonly name: string;
  readonly service: Tree;
  readonly path: Path;
  /** The project: services of one folder see each other. */
  readonly project: string;
  readonly texts: ReadonlyMap<string, string>;
  readonly variables: ReadonlyMap<string, string>;
}

const wholeVariable = /^\$\{?([A-Za-z_]\w{0,127})(?::?\?[^}]{0,512})?\}?$/;

function variableOf({ document, variables }: Reading, name: string, raw: string | undefined, path: Path): Setting {
  const place = document.place(path);
  // `API_KEY: ${API_KEY}` and a name alone are handed through from whoever starts it.
  const handed = raw === undefined ? name : wholeVariable.exec(raw)?.[1];
  const value = handed === undefined ? interpolate(raw ?? '', variables) : variables.get(handed);
  if (value === undefined && isSecretName(name))
    return { kind: 'variable', name, value, secret: { field: name.toLowerCase() }, place };
  return { kind: 'variable', name, value: value ?? '', place };
}

function environmentOf(reading: Reading): Setting[] {
  const { service, path } = reading;
  const own = at(service, 'environment');
  const inline = Array.isArray(own)
    ? own.flatMap((item: unknown, index) => {
        const text = textOf(item) ?? '';
        const cut = text.indexOf('=');
        return [
          variableOf(reading, cut === -1 ? text : text.slice(0, cut), cut === -1 ? undefined : text.slice(cut + 1), [
            ...path,
            'environment',
            index,
          ]),
        ];
      })
    : Object.entries(isTree(own) ? own : {}).map(([name, value]) =>
        variableOf(reading, name, textOf(value), [...path, 'environment', name]),
      );
  const files = at(service, 'env_file');
  const names = (Array.isArray(files) ? files : [files]).flatMap(
    (item: unknown) => textOf(item) ?? textAt(item, 'path') ?? [],
  );
  const fromFiles = names.flatMap((file) => {
    const found = posix.normalize(posix.join(posix.dirname(reading.document.file), file));
    return [...parseEnvFile(reading.texts.get(found) ?? '')].map(
      ([name, value]): Setting => ({ kind: 'variable', name, value, place: { file: found, line: 1 } }),
    );
  });
  return [...inline, ...fromFiles.filter(({ name }) => !inline.some((setting) => setting.name === name))];
}

function argumentsOf({ document, service, path, variables }: Reading): Setting[] {
  return ['command', 'entrypoint'].flatMap((key) => {
    const value = at(service, key);
    const words = Array.isArray(value) ? value : typeof value === 'string' ? [value] : [];
    return words.flatMap((word: unknown): Setting[] =>
      typeof word === 'string'
        ? [{ kind: 'argument', name: '', value: interpolate(word, variables), place: document.place([...path, key]) }]
        : [],
    );
  });
}

interface PortMapping {
  readonly target: number;
  readonly published: number | undefined;
}

/** `8080:80`, `127.0.0.1:8080:80/tcp`, `80`, or `{ target, published }`. Of a range, its first port. */
export function parsePortMapping(
  value: unknown,
  variables: ReadonlyMap<string, string> = new Map(),
): PortMapping | undefined {
  if (isTree(value)) {
    const target = portAt(value, 'target');
    return target === undefined ? undefined : { target, published: portAt(value, 'published') };
  }
  const text = interpolate(textOf(value) ?? '', variables).split('/')[0] ?? '';
  const parts = text.split(':').map((part) => Number(part.split('-')[0]));
  const target = parts.at(-1) ?? Number.NaN;
  if (!Number.isInteger(target) || target < 1 || target > 65_535) return undefined;
  const published = parts.length > 1 ? parts.at(-2) : undefined;
  return { target, published: Number.isInteger(published) && (published as number) > 0 ? published : undefined };
}

/** The path that a health check with curl or wget asks for. */
function healthOf(service: Tree): string | undefined {
  const test = at(service, 'healthcheck', 'test');
  const text = Array.isArray(test) ? test.filter((word) => typeof word === 'string').join(' ') : textOf(test);
  const [, path] =
    /https?:\/\/(?:localhost|127\.0\.0\.1)(?::\d{1,5})?(\/[A-Za-z0-9._~/-]{0,256})/.exec((text ?? '').slice(0, 4096)) ??
    [];
  return path;
}

function afterOf({ document, service, path }: Reading): Workload['after'] {
  const dependencies = at(service, 'depends_on');
  const depended = Array.isArray(dependencies)
    ? dependencies.flatMap((name: unknown) => textOf(name) ?? [])
    : Object.keys(isTree(dependencies) ? dependencies : {});
  const linked = listAt(service, 'links').flatMap((link) => textOf(link)?.split(':')[0] ?? []);
  return [
    ...depended.map((name) => ({ name, how: 'depends_on' as const, place: document.place([...path, 'depends_on']) })),
    ...linked.map((name) => ({ name, how: 'links' as const, place: document.place([...path, 'links']) })),
  ];
}

function networksOf(service: Tree): string[] {
  const networks = at(service, 'networks');
  const names = Array.isArray(networks)
    ? networks.flatMap((name: unknown) => textOf(name) ?? [])
    : Object.keys(isTree(networks) ? networks : {});
  return names.length === 0 ? ['default'] : names;
}

function aliasesOf(service: Tree): string[] {
  const aliases = Object.values(treeAt(service, 'networks')).flatMap((network) => listAt(network, 'aliases'));
  return [textAt(service, 'container_name'), textAt(service, 'hostname'), ...aliases.map(textOf)].filter(
    (name) => name !== undefined,
  );
}

function secretsOf({ document, service, path }: Reading): Setting[] {
  return listAt(service, 'secrets').flatMap((secret, index): Setting[] => {
    const source = textOf(secret) ?? textAt(secret, 'source');
    if (source === undefined) return [];
    const name = source.toUpperCase().replace(/[^A-Z0-9]/g, '_');
    return [
      {
        kind: 'variable',
        name,
        value: undefined,
        secret: { path: source, field: 'value' },
        place: document.place([...path, 'secrets', index]),
      },
    ];
  });
}

function tellUnfollowed(
  document: FoundDocument,
  value: unknown,
  path: Path,
  keys: readonly string[],
  facts: Facts,
): void {
  for (const key of keys.filter((each) => at(value, each) !== undefined))
    facts.findings.push({
      severity: 'warning',
      code: 'discover.unsupported',
      message: `\`${key}\` is not followed: look again at the output of \`docker compose config\``,
      place: document.place([...path, key]),
    });
}

function readService(reading: Reading, facts: Facts): void {
  const { document, name, service, path, project, variables } = reading;
  const mappings = listAt(service, 'ports').flatMap((port) => parsePortMapping(port, variables) ?? []);
  const exposed = listAt(service, 'expose').flatMap((port) => parsePortMapping(port, variables)?.target ?? []);
  const targets = [...new Set([...mappings.map(({ target }) => target), ...exposed])];
  const place = document.place(path);
  tellUnfollowed(document, service, path, ['extends'], facts);
  facts.workloads.push({
    source: 'compose',
    kind: 'compose service',
    name,
    namespace: project,
    labels: textsOf(at(service, 'labels')),
    serviceAccount: undefined,
    image: textAt(service, 'image'),
    ports: targets,
    portNames: new Map(),
    health: healthOf(service),
    settings: [...environmentOf(reading), ...argumentsOf(reading), ...secretsOf(reading)],
    after: afterOf(reading),
    networks: networksOf(service),
    place,
  });
  for (const alias of new Set([name, ...aliasesOf(service)])) {
    facts.names.push({
      source: 'compose',
      name: alias,
      namespace: project,
      selects: (workload) => workload.source === 'compose' && workload.namespace === project && workload.name === name,
      ports: targets.map((port) => ({ port, target: port })),
      published:
        alias === name ? mappings.filter(({ published }) => published !== undefined).map(({ target }) => target) : [],
      place,
    });
  }
}

/** Reads a compose file. `texts`: the files beside it, by path, for `.env` and `env_file`. */
export function readCompose(document: FoundDocument, texts: ReadonlyMap<string, string>, facts: Facts): void {
  const project = posix.dirname(document.file);
  const variables = withoutSecrets(parseEnvFile(texts.get(posix.normalize(posix.join(project, '.env'))) ?? ''));
  tellUnfollowed(document, document.value, [], ['include'], facts);
  for (const [name, service] of Object.entries(treeAt(document.value, 'services'))) {
    if (isTree(service))
      readService({ document, name, service, path: ['services', name], project, texts, variables }, facts);
  }
}
