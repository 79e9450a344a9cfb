import { z } from 'zod';
import { type SecretReference, secretPath } from './secret-path.ts';
import { duration, file, matching, rate, refuse, size, type WrittenRate } from './terms.ts';

/** A rate, and how many may come at once. */
export interface RateLimit extends WrittenRate {
  /** Tokens in a full bucket; `count` where it is not told. */
  readonly burst?: number;
}

const burst = z.int().min(1).max(1e9).exactOptional().describe('How many may come at once. Default: the count.');

const rateLimit = z
  .union([rate, z.strictObject({ rate: rate.describe('As `60/min`.'), burst })])
  .transform((value): RateLimit => {
    if (!('rate' in value)) return value;
    return value.burst === undefined ? value.rate : { ...value.rate, burst: value.burst };
  });

const claim = z.string().min(1).max(256).describe('A claim of the token, by name.');

const claimLimit = z
  .strictObject({ claim, rate: rate.describe('As `1000/min`.'), burst })
  .transform(({ claim, rate, burst }): RateLimit & { readonly claim: string } => ({
    ...rate,
    claim,
    ...(burst === undefined ? {} : { burst }),
  }));

const claimLimits = z
  .union([claimLimit, z.array(claimLimit).max(10)])
  .transform((value) => (Array.isArray(value) ? value : [value]));

/** By what a quota or a concurrency limit counts. */
const countedBy = z.union([z.enum(['user', 'client', 'apiKey', 'ip', 'route']), z.strictObject({ claim })]);
export type CountedBy = z.output<typeof countedBy>;

/** So many in a day or a month. */
export interface Quota extends WrittenRate {
  readonly by: CountedBy;
}

const quota = z
  .union([
    rate,
    z.strictObject({
      rate: rate.describe('As `5000/day` or `100000/month`.'),
      by: countedBy.default('user').describe('Whose requests count together.'),
    }),
  ])
  .transform((value): Quota => ('rate' in value ? { ...value.rate, by: value.by } : { ...value, by: 'user' }));

const quotas = z.union([quota, z.array(quota).max(10)]).transform((value) => (Array.isArray(value) ? value : [value]));

/** How many requests may be under way. */
export interface Concurrency {
  readonly count: number;
  readonly by: CountedBy;
}

const concurrency = z
  .union([
    z.int().min(1).max(1e6),
    z.strictObject({
      count: z.int().min(1).max(1e6).describe('How many at once.'),
      by: countedBy.default('route').describe('Whose requests count together.'),
    }),
  ])
  .transform((value): Concurrency => (typeof value === 'number' ? { count: value, by: 'route' } : value));

const tokens = z.int().min(1).max(1e6);
const operation = matching(
  'a method or an operation',
  /^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)(?: \/[\x21-\x7e]{0,1023})?$/,
  '`POST`, or `POST /orders/{id}` as the OpenAPI document has it',
);

/** Tokens of one request, by method or operation; `*` stands for the rest. */
export type Costs = Readonly<Record<string, number>>;

const cost = z.union([tokens, z.record(operation, tokens)]).transform((value): Costs => {
  if (typeof value === 'number') return { '*': value };
  // What reads costs the same with either method: HEAD is no cheaper way to the same work.
  return value.GET !== undefined && value.HEAD === undefined ? { ...value, HEAD: value.GET } : value;
});

const byCaller = {
  perUser: rateLimit.exactOptional().describe('Requests of one user.'),
  perClient: rateLimit.exactOptional().describe('Requests of one OAuth client, or of the owner of an API key.'),
  perApiKey: rateLimit.exactOptional().describe('Requests with one API key.'),
  perClaim: claimLimits
    .exactOptional()
    .describe('Requests of all callers whose tokens have the same value of a claim.'),
};

/** The limits of one route. */
export const routeLimits = z.strictObject({
  ...byCaller,
  perIp: rateLimit.exactOptional().describe('Requests of one client address.'),
  perRoute: rateLimit.exactOptional().describe('Requests of everyone together on this route.'),
  quota: quotas
    .default([])
    .describe('Requests of one user over a day or month of the calendar (UTC), as `10000/day`; or a list.'),
  concurrency: concurrency.exactOptional().describe('Requests under way at once, on this route or of one caller.'),
  cost: cost
    .prefault(1)
    .describe('Tokens that a request takes of each limit but `concurrency`: a number, or by method `{ POST: 5 }`.'),
});

const sharedUrl = z
  .string()
  .superRefine((text, context) => {
    const code = 'manifest.bad-value';
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url !== undefined && (url.username !== '' || url.password !== ''))
      return refuse(context, 'the address holds a credential', {
        code: 'manifest.plain-secret',
        hint: 'name it beside: `username`, and `password: secret/redis#password`',
      });
    const remote =
      /^rediss?:$/.test(url?.protocol ?? '') && url?.hostname !== '' && /^(\/\d{0,3})?$/.test(url?.pathname ?? '');
    const local = url?.protocol === 'unix:' && url.hostname === '' && url.pathname.length > 1;
    if ((!remote && !local) || url?.search !== '' || url.hash !== '')
      refuse(context, 'this is not the address of a Redis or Valkey server', {
        code,
        hint: 'write it as `rediss://redis.internal:6379`, `redis://127.0.0.1:6379` or `unix:///run/redis.sock`',
      });
  })
  .meta({ title: 'address' });

/** Where hosts share their counts, and with which credentials. */
export interface SharedLimits {
  readonly url: string;
  readonly username?: string;
  readonly password?: SecretReference;
  readonly ca?: string;
  readonly hosts: number;
}

const shared = z
  .union([
    sharedUrl,
    z.strictObject({
      url: sharedUrl.describe('`rediss://host:port`, `redis://host:port/db` or `unix:///run/redis.sock`.'),
      username: z.string().min(1).max(128).exactOptional().describe('ACL user.'),
      password: secretPath.exactOptional().describe('Where the password lies: `secret/redis#password`.'),
      ca: file.exactOptional().describe('PEM file of the authority of its certificate. Default: those of the system.'),
      hosts: z.int().min(1).max(1000).default(1).describe('Hosts that share, at least; those alive are counted.'),
    }),
  ])
  .transform((value): SharedLimits => (typeof value === 'string' ? { url: value, hosts: 1 } : value));

/** Bounds of every request, and the limits of the whole gateway. */
export const gatewayLimits = z.strictObject({
  perIp: rateLimit.exactOptional().describe('Requests of one client address. Default: no limit.'),
  total: rateLimit.exactOptional().describe('Requests of everyone together. Default: no limit.'),
  ...byCaller,
  ipv6Prefix: z
    .int()
    .min(16)
    .max(128)
    .default(64)
    .describe('IPv6 addresses count together that share so many bits: whoever holds a network holds all of it.'),
  shared: shared
    .exactOptional()
    .describe('Redis or Valkey, through which several hosts share all limits. Default: each host counts for itself.'),
  bodyBytes: size.prefault('1MiB').describe('Largest request body. A route may set its own.'),
  headerBytes: size.prefault('32KiB').describe('Largest header section.'),
  headerCount: z.int().min(1).max(1000).default(100).describe('Most header fields of one request.'),
  headerTimeout: duration.prefault('10s').describe('To receive a whole header section.'),
  connectionsPerIp: z.int().min(1).default(1000).describe('Open connections of one client address.'),
  requestsPerConnection: z.int().min(1).default(10_000).describe('Requests before a connection is closed.'),
});

export type RouteLimits = z.output<typeof routeLimits>;
export type GatewayLimits = z.output<typeof gatewayLimits>;
