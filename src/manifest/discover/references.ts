import { isIP } from 'node:net';

/** A host that a setting names. */
export interface HostReference {
  /** Lower case, without a final dot. */
  readonly host: string;
  readonly port: number | undefined;
  readonly scheme: string | undefined;
  /** How sure it is: a URL or `host:port` is meant as an address; a bare word may be anything. */
  readonly form: 'url' | 'host-port' | 'word';
}

const defaultPorts: ReadonlyMap<string, number> = new Map([
  ['http', 80],
  ['https', 443],
  ['ws', 80],
  ['wss', 443],
  ['grpc', 80],
  ['redis', 6379],
  ['rediss', 6379],
  ['postgres', 5432],
  ['postgresql', 5432],
  ['mysql', 3306],
  ['mariadb', 3306],
  ['mongodb', 27017],
  ['amqp', 5672],
  ['amqps', 5671],
  ['nats', 4222],
  ['kafka', 9092],
  ['ldap', 389],
  ['ldaps', 636],
  ['smtp', 25],
]);

/** Longest text that is looked through. */
const maxText = 64 * 1024;

const hostName = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_-]{1,63})*\.?$/i;
const url = /\b([a-z][a-z0-9+-]{1,15}):\/\/([^/?#\s"'`<>|\\]{1,512})/gi;
// A MySQL data source name: `user:password@tcp(host:3306)/name`.
const dsn = /@(?:tcp|udp)\(([^()\s]{1,256})\)/g;

function splitPort(authority: string): { host: string; port: number | undefined } | undefined {
  const [, host = '', port] = /^(\[[0-9a-f:.]{2,45}\]|[^:[\]]{1,253})(?::(\d{1,5}))?$/i.exec(authority) ?? [];
  const bare = host
    .replace(/^\[|\]$/g, '')
    .toLowerCase()
    .replace(/\.$/, '');
  if (isIP(bare) === 0 && (!hostName.test(bare) || !/[a-z]/.test(bare))) return undefined;
  return Number(port) > 65_535 ? undefined : { host: bare, port: port === undefined ? undefined : Number(port) };
}

function authorities(text: string, form: HostReference['form'], scheme?: string): HostReference[] {
  const hosts = text.slice(text.lastIndexOf('@') + 1).split(',');
  return hosts.flatMap((authority) => {
    const found = splitPort(authority);
    if (found === undefined) return [];
    return [{ host: found.host, port: found.port ?? defaultPorts.get(scheme ?? ''), scheme, form }];
  });
}

/**
 * The hosts that a text names: authorities of URLs (`postgres://u:p@db:5432/x`, several hosts at once), `host:port`, and,
 * where the whole text is one word, that word.
 */
export function hostReferences(text: string): HostReference[] {
  if (text.length > maxText) return [];
  const found: HostReference[] = [];
  const rest = text
    .replace(url, (_, scheme: string, authority: string) => {
      found.push(...authorities(authority, 'url', scheme.toLowerCase()));
      return ' ';
    })
    .replace(dsn, (_, authority: string) => {
      found.push(...authorities(authority, 'host-port'));
      return ' ';
    });
  const words = rest.split(/[\s,;=|"'`<>()]+/).filter((word) => word !== '');
  for (const word of words) {
    const [authority = ''] = word.split('/', 1);
    const reference = splitPort(authority);
    if (reference?.port !== undefined && reference.port > 0)
      found.push({ ...reference, scheme: undefined, form: 'host-port' });
  }
  const only = words.length === 1 && rest.trim() === words[0] ? splitPort(words[0]) : undefined;
  if (only !== undefined && only.port === undefined) found.push({ ...only, scheme: undefined, form: 'word' });
  return found;
}

const addressWords = new Set([
  ...[
    'addr',
    'address',
    'addresses',
    'host',
    'hosts',
    'hostname',
    'url',
    'urls',
    'uri',
    'endpoint',
    'endpoints',
    'server',
    'servers',
  ],
  ...[
    'service',
    'broker',
    'brokers',
    'backend',
    'upstream',
    'target',
    'peer',
    'peers',
    'proxy',
    'gateway',
    'dsn',
    'connection',
    'seeds',
    'nodes',
  ],
]);

/** Whether a variable of this name says where something is: `CART_SERVICE_ADDR`, `dbHost`. */
export function isAddressName(name: string): boolean {
  const words = name
    .slice(0, 256)
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z]+/);
  return addressWords.has(words.filter((word) => word !== '').at(-1) ?? '');
}

/** The variable that probably holds the port for a variable that holds a host: `DB_HOST` and `DB_PORT`. */
export function portNameFor(name: string): string {
  return name.replace(/(?:addr(?:ess)?|host(?:name)?|server|service|endpoint)$/i, (word) =>
    word === word.toUpperCase() ? 'PORT' : 'port',
  );
}

const local = new Set([
  'localhost',
  '0.0.0.0',
  '::',
  '::1',
  'host.docker.internal',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
]);

/** Whether a host is this machine, or the cluster's own machinery. */
export function isLocalHost(host: string): boolean {
  return local.has(host) || host.startsWith('127.') || host.endsWith('.localhost');
}

/** Whether a host has a name of the public DNS, or an address. */
export function isOutsideHost(host: string): boolean {
  if (isIP(host) === 4) return true;
  return (
    /\.[a-z]{2,24}$/.test(host) &&
    !/\.(?:local|internal|svc|cluster|localdomain|lan|test|invalid)$/.test(host) &&
    !/\.svc\./.test(host)
  );
}
