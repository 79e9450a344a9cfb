import { z } from 'zod';
import { deprecated, graphql, mask } from './edge.ts';
import { routeLimits } from './limits.ts';
import { duration, label, type Method, matching, method, name, origin, refuse, scope, size } from './terms.ts';
import { canary, sticky } from './upstream.ts';
import { routeWaf } from './waf.ts';

const reserved = ['/oidc', '/.merlon'];

const path = z.string().superRefine((text, context) => {
  const code = 'manifest.bad-path';
  if (!/^\/[A-Za-z0-9._~!$&'()*+,;=:@/-]{0,1023}$/.test(text))
    return refuse(context, `\`${text}\` is not a path`, {
      code,
      hint: 'a path begins with `/` and holds no query, no `%` and no `{}`: routes match by prefix',
    });
  if (text !== '/' && text.endsWith('/'))
    return refuse(context, `\`${text}\` ends with a slash`, {
      code,
      hint: `write \`${text.replace(/\/{1,1024}$/, '') || '/'}\`: it matches what lies below, too`,
    });
  if (text.includes('//') || text.split('/').some((segment) => segment === '.' || segment === '..'))
    return refuse(context, `\`${text}\` is not normalised`, { code, hint: 'leave out empty and dot segments' });
  const taken = reserved.find((prefix) => text === prefix || text.startsWith(`${prefix}/`));
  if (taken !== undefined)
    refuse(context, `\`${taken}\` is reserved for Merlon itself`, { code: 'manifest.reserved-path' });
});

const host = matching(
  'a host name',
  /^(?:\*\.)?[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/,
  '`api.shop.example` or `*.shop.example`',
);

/** Scopes by method; `*` stands for every method. All scopes of a list are needed. */
export type ScopesByMethod = Readonly<Partial<Record<Method | '*', readonly string[]>>>;

const scopes = z.union([z.array(scope), z.partialRecord(method, z.array(scope))]).transform((value): ScopesByMethod => {
  if (Array.isArray(value)) return { '*': value };
  return value.GET !== undefined && value.HEAD === undefined ? { ...value, HEAD: value.GET } : value;
});

const owner = z.strictObject({
  param: z.string().min(1).max(128).describe("Path parameter of the OpenAPI document that holds the owner's id."),
  claim: z.string().min(1).max(256).default('sub').describe('Claim of the token that must equal it.'),
  unless: z.array(name).default([]).describe('Roles for which the check does not hold.'),
});

const cors = z
  .strictObject({
    origins: z
      .array(z.union([z.literal('*'), origin]))
      .min(1)
      .describe('Origins whose pages may call, or `*`.'),
    methods: z.array(method).exactOptional().describe("Methods that they may use. Default: the route's."),
    headers: z
      .array(matching('a header name', /^[A-Za-z0-9-]{1,64}$/, '`Content-Type`'))
      .default(['authorization', 'content-type'])
      .describe('Request headers that they may send.'),
    credentials: z.boolean().default(false).describe('Whether cookies may be sent along.'),
    maxAge: duration.prefault('10m').describe('How long a browser may keep the answer.'),
  })
  .superRefine((cors, context) => {
    if (cors.credentials && cors.origins.includes('*'))
      refuse(
        context,
        'credentials cannot be allowed for every origin',
        { code: 'manifest.bad-value', hint: 'list the origins' },
        ['origins'],
      );
  });

const validate = z.strictObject({
  requests: z
    .enum(['off', 'report', 'block'])
    .default('block')
    .describe('What a request does that breaks the OpenAPI document.'),
  unknownFields: z
    .enum(['refuse', 'allow'])
    .default('refuse')
    .describe('Body fields and parameters that the document does not name.'),
  undeclared: z.enum(['refuse', 'allow']).default('refuse').describe('Operations that the document does not name.'),
  responses: z
    .enum(['off', 'report', 'block'])
    .default('off')
    .describe('What a response does that breaks the document.'),
});

const timeouts = z.strictObject({
  connect: duration.exactOptional().describe('To connect to the service.'),
  firstByte: duration.exactOptional().describe("From the request's end to the response's first byte."),
  idle: duration.exactOptional().describe('Without a byte in either direction.'),
  total: duration.exactOptional().describe('The whole exchange.'),
});

/** Without `methods`, a map of scopes names the methods that there are: what nobody thought of is not left open. */
function withMethods<R extends { methods?: Method[]; scopes: ScopesByMethod }>(route: R): R {
  const named = Object.keys(route.scopes) as (Method | '*')[];
  if (route.methods !== undefined || named.length === 0 || named.includes('*')) return route;
  return { ...route, methods: named as Method[] };
}

export const route = z
  .strictObject({
    path: path.describe(
      'Prefix of the request path, on segment bounds: `/api` matches `/api/x` and not `/apix`. The longest wins.',
    ),
    host: host.exactOptional().describe('Host name that the route is for. Default: any.'),
    service: label.describe('The service that answers.'),
    canary: canary.default([]).describe('Services that answer a part of the requests instead, the first that fits.'),
    sticky: sticky
      .exactOptional()
      .describe('Keeps who calls (`principal`, else the address) or the `address` on one side of the split.'),
    methods: z
      .array(method)
      .min(1)
      .exactOptional()
      .describe('Methods that it takes. Default: those named in `scopes`, else all.'),
    auth: z
      .enum(['required', 'token', 'apiKey', 'optional', 'public'])
      .default('required')
      .describe(
        '`required`: a valid credential. `token`, `apiKey`: a valid one of that kind. `optional`: none, or a valid one. `public`: none is looked at.',
      ),
    scopes: scopes
      .prefault([])
      .describe('Scopes that are all needed: a list, or by method `{ GET: [orders:read] }`. `HEAD` follows `GET`.'),
    roles: z.array(name).default([]).describe('Roles of which one is needed; empty: any.'),
    owner: owner.exactOptional().describe('Lets callers reach only what is theirs.'),
    limits: routeLimits.prefault({}).describe('Rate limits of this route.'),
    bodyBytes: size.exactOptional().describe("Largest request body. Default: the gateway's."),
    encodedSlashes: z.boolean().default(false).describe('Whether `%2F` is passed on in the path; otherwise refused.'),
    stripPrefix: z.boolean().default(false).describe('Whether `path` is taken off before the service sees it.'),
    cors: cors.exactOptional().describe('Cross-origin calls from browsers. Default: none.'),
    headers: z.boolean().default(true).describe('Whether security headers are added to responses.'),
    validate: validate.prefault({}).describe("Checks against the service's OpenAPI document."),
    graphql: graphql
      .exactOptional()
      .describe('Bounds of a GraphQL endpoint: only POST with JSON is taken, each document is measured.'),
    mask: mask.exactOptional().describe('Masks fields of JSON responses. Default: nothing is masked.'),
    deprecated: deprecated.exactOptional().describe('A version that goes away: callers are told, at last refused.'),
    waf: routeWaf.prefault({}).describe('Where the web application firewall differs on this route.'),
    timeouts: timeouts.prefault({}).describe("Times of this route. Default: the gateway's."),
    forwardAuthorization: z
      .boolean()
      .default(false)
      .describe("Whether the service receives the caller's own credential."),
  })
  .superRefine(({ service, canary, sticky }, context) => {
    const again = canary.findIndex((variant) => variant.service === service);
    if (again >= 0)
      refuse(
        context,
        `\`${service}\` is the service of the route itself`,
        { code: 'manifest.bad-route', hint: 'what no variant takes goes there' },
        ['canary', again, 'service'],
      );
    if (sticky !== undefined && !canary.some(({ weight }) => weight > 0))
      refuse(context, '`sticky` needs a `canary` with a weight', { code: 'manifest.no-effect', hint: 'remove it' }, [
        'sticky',
      ]);
  })
  .superRefine((route, context) => {
    if (route.auth !== 'optional' && route.auth !== 'public') return;
    const needs = [
      ...(Object.values(route.scopes).some((list) => (list?.length ?? 0) > 0) ? ['scopes'] : []),
      ...(route.roles.length > 0 ? ['roles'] : []),
      ...(route.owner === undefined ? [] : ['owner']),
    ];
    for (const key of needs)
      refuse(
        context,
        `\`${key}\` needs \`auth: required\``,
        { code: 'manifest.bad-route', hint: `remove \`${key}\`, or set \`auth: required\`` },
        [key],
      );
  })
  .transform(withMethods);

export type Route = z.output<typeof route>;
