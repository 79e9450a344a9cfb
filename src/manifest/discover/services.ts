import { tryParseAddress } from '../schema/terms.ts';
import { isPlainSecret } from '../secrecy.ts';
import type { Facts, FoundApi, Place } from './facts.ts';
import { type Group, type Grouping, labelOf } from './groups.ts';

/** A service that was found. */
export interface DiscoveredService {
  readonly name: string;
  /** What runs it: `Deployment reviews-v1`, with the place. */
  readonly workloads: readonly { readonly kind: string; readonly name: string; readonly place: Place }[];
  readonly address: { readonly host: string; readonly port: number } | undefined;
  readonly run: { readonly command: string; readonly cwd: string } | undefined;
  readonly health: string | undefined;
  readonly openapi: string | undefined;
  /** By variable, the path of the secret to be: `secret/orders#db_password`. Never the value. */
  readonly secrets: ReadonlyMap<string, { readonly path: string; readonly place: Place }>;
  /** What it speaks, where that is not HTTP. */
  readonly protocol: string | undefined;
  readonly place: Place;
}

const protocolsByPort: ReadonlyMap<number, string> = new Map([
  [25, 'SMTP'],
  [53, 'DNS'],
  [389, 'LDAP'],
  [1433, 'SQL Server'],
  [1883, 'MQTT'],
  [2181, 'ZooKeeper'],
  [3306, 'MySQL'],
  [4222, 'NATS'],
  [5432, 'PostgreSQL'],
  [5672, 'AMQP'],
  [6379, 'Redis'],
  [9042, 'Cassandra'],
  [9092, 'Kafka'],
  [11211, 'memcached'],
  [27017, 'MongoDB'],
]);

/** The protocol of a service whose first port is that of a database, cache or queue. */
export function speaksOther({ workloads, names }: Group): string | undefined {
  const first =
    names.flatMap(({ ports }) => ports.map(({ port }) => port))[0] ?? workloads.flatMap(({ ports }) => ports)[0];
  return first === undefined ? undefined : protocolsByPort.get(first);
}

// A segment of dots alone would lead elsewhere.
const segmentOf = (text: string): string =>
  text
    .replace(/[^A-Za-z0-9._-]/g, '_')
    .replace(/^\.+$/, '_')
    .slice(0, 128) || '_';

/** A secret among a command's arguments is seen by everyone on the machine. */
function tellArguments({ label, workloads }: Group, facts: Facts): void {
  for (const { kind, value, place } of workloads.flatMap(({ settings }) => settings)) {
    const [, flag = '', given = ''] =
      kind === 'argument' ? (/^--?([A-Za-z][\w.-]{0,127})[= ](.+)$/.exec((value ?? '').slice(0, 4096)) ?? []) : [];
    if (flag !== '' && isPlainSecret(flag, given))
      facts.findings.push({
        severity: 'warning',
        code: 'discover.plain-secret',
        message: `the argument \`--${flag}\` of \`${label}\` is a secret in clear text`,
        place,
      });
  }
}

function secretsOf({ label, workloads }: Group, facts: Facts): DiscoveredService['secrets'] {
  const secrets = new Map<string, { path: string; place: Place }>();
  for (const setting of workloads.flatMap(({ settings }) => settings)) {
    const { kind, name, value, secret, place } = setting;
    const plain = kind === 'variable' && value !== undefined && isPlainSecret(name, value);
    if (secret === undefined && !plain) continue;
    if (plain)
      facts.findings.push({
        severity: 'warning',
        code: 'discover.plain-secret',
        message: `\`${name}\` of \`${label}\` is a secret in clear text: put a new one at \`secret/${label}\`, and remove it here`,
        place,
      });
    const path = `secret/${(secret?.path ?? label).split('/').map(segmentOf).join('/')}#${segmentOf(secret?.field ?? name.toLowerCase())}`;
    if (!/^[A-Za-z_]\w{0,127}$/.test(name) || name === '__proto__')
      facts.findings.push({
        severity: 'warning',
        code: 'discover.unsupported',
        message: `the secret \`${name}\` of \`${label}\` is left out: a variable is called by letters, digits and \`_\``,
        place,
      });
    else if (!secrets.has(name)) secrets.set(name, { path, place });
  }
  return secrets;
}

function addressOf({ label, workloads, names }: Group): DiscoveredService['address'] {
  const [first] = workloads;
  const name = names.find((item) => item.name === first?.name) ?? names[0];
  const source = name?.source ?? first?.source;
  if (source === 'npm' || source === undefined) return undefined;
  const port = name?.ports[0]?.port ?? workloads.flatMap(({ ports }) => ports)[0];
  const host = name?.name ?? first?.name ?? '';
  const namespace = name?.namespace ?? first?.namespace ?? '';
  const full = source === 'kubernetes' && namespace !== 'default' ? `${host}.${namespace}` : host;
  const written = tryParseAddress(`http://${full}:${port ?? 80}`);
  return { host: written?.host ?? label, port: port ?? 80 };
}

function tellPort(group: Group, facts: Facts, place: Place): void {
  const stated =
    group.names.some(({ ports }) => ports.length > 0) || group.workloads.some(({ ports }) => ports.length > 0);
  const protocol = speaksOther(group);
  if (!stated && group.workloads.some(({ source }) => source !== 'npm'))
    facts.findings.push({
      severity: 'info',
      code: 'discover.no-port',
      message: `no port of \`${group.label}\` is stated; 80 stands in for it`,
      place,
    });
  if (protocol !== undefined)
    facts.findings.push({
      severity: 'info',
      code: 'discover.not-http',
      message: `\`${group.label}\` speaks ${protocol}: who may call it is declared, but proxies carry HTTP only`,
      place,
    });
}

function serviceOf(group: Group, api: FoundApi | undefined, facts: Facts): DiscoveredService | undefined {
  const { label, workloads, names } = group;
  const place = workloads[0]?.place ?? names[0]?.place;
  if (place === undefined) return undefined;
  const address = addressOf(group);
  const health = workloads
    .map((workload) => workload.health)
    .find((path) => path !== undefined && /^\/[\x21-\x7e]{0,1023}$/.test(path));
  const run = workloads.map((workload) => workload.run).find((item) => item !== undefined);
  tellPort(group, facts, place);
  tellArguments(group, facts);
  return {
    name: label,
    workloads: workloads.map(({ kind, name, place }) => ({ kind, name, place })),
    address,
    run: address === undefined ? run : undefined,
    health,
    openapi: api?.file,
    secrets: secretsOf(group, facts),
    protocol: speaksOther(group),
    place,
  };
}

/** Which service an OpenAPI document is about: one whose name is in its path or is its title; or the only one there is. */
export function matchApis(facts: Facts, grouping: Grouping): Map<string, FoundApi> {
  const matched = new Map<string, FoundApi>();
  for (const api of facts.apis) {
    const words = [
      ...api.file
        .split('/')
        .map((part) => labelOf(part.replace(/\.(?:ya?ml|json)$/i, '').replace(/[._-]?openapi[._-]?/i, ''))),
      labelOf(api.title ?? ''),
    ];
    const { groups } = grouping;
    const named =
      groups.find(({ label }) => words.includes(label)) ??
      groups.find(({ label }) =>
        words.some((word) => word.startsWith(`${label}-`) || label === `${word}-service` || label === `${word}service`),
      );
    const group = named ?? (groups.length === 1 ? groups[0] : undefined);
    if (group !== undefined && !matched.has(group.label)) matched.set(group.label, api);
    else
      facts.findings.push({
        severity: 'info',
        code: 'discover.unmatched-document',
        message:
          group === undefined
            ? 'this OpenAPI document fits no service by its path or title'
            : `\`${group.label}\` has another OpenAPI document already`,
        place: { file: api.file, line: 1 },
      });
  }
  return matched;
}

/** The services that were found, in the order of their names. */
export function servicesOf(facts: Facts, grouping: Grouping, apis: ReadonlyMap<string, FoundApi>): DiscoveredService[] {
  return grouping.groups.flatMap((group) => serviceOf(group, apis.get(group.label), facts) ?? []);
}
