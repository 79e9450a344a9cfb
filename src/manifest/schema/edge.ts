import { z } from 'zod';
import { defaultGraphqlLimits } from '../../api/openapi.ts';
import { duration, file, matching, name, network, rate, refuse } from './terms.ts';

// What the gateway does at the edge beside routing: address lists, scanners, GraphQL, masking, versions that end.

const listFile = z.strictObject({
  file: file.describe('Text file with one network or address a line; `#` begins a comment. Read anew when it changes.'),
});

/** Networks, and files that list networks. */
export const ipList = z.array(z.union([network, listFile]));
export type IpListEntry = z.output<typeof ipList>[number];

const plainPath = matching('a path', /^\/[A-Za-z0-9._~!$&'()*+,;=:@/-]{0,1023}$/, '`/wp-login.php`');

export const scanners = z.strictObject({
  mode: z
    .enum(['off', 'report', 'throttle'])
    .default('throttle')
    .describe('What being taken for a scanner means. `report`: only that the decision says so.'),
  rate: rate.prefault('30/min').describe('Requests that an address keeps while it is taken for a scanner.'),
  failures: z
    .int()
    .min(5)
    .max(10_000)
    .default(30)
    .describe(
      'Failed requests (400, 401, 403, 404, 405) after which an address may be one; they are forgotten by half.',
    ),
  share: z
    .number()
    .min(0.1)
    .max(1)
    .default(0.5)
    .describe('Share of failed requests among all of the address, from which it is one.'),
  halfLife: duration.prefault('2m').describe('Time in which what is held against an address halves.'),
  honeypots: z
    .array(plainPath)
    .default([])
    .describe('Paths (and all below) that nothing leads to: whoever asks for one is taken for a scanner at once.'),
  friendly: ipList
    .default([])
    .describe('Networks that are never taken for scanners: crawlers, monitors, your own tests.'),
});

export const graphql = z.strictObject({
  depth: z.int().min(1).max(200).default(defaultGraphqlLimits.maxDepth).describe('Deepest nesting of fields.'),
  cost: z
    .int()
    .min(1)
    .default(defaultGraphqlLimits.maxCost)
    .describe('Fields in all, each times the page sizes (`first`, `last`, `limit` ...) around it.'),
  aliases: z.int().min(0).default(defaultGraphqlLimits.maxAliases).describe('Fields under another name.'),
  directives: z.int().min(0).default(defaultGraphqlLimits.maxDirectives).describe('Directives of a document.'),
  tokens: z.int().min(1).max(100_000).default(defaultGraphqlLimits.maxTokens).describe('Lexical tokens of a document.'),
  batch: z.int().min(1).max(100).default(defaultGraphqlLimits.maxBatch).describe('Operations in one request.'),
  introspection: z
    .boolean()
    .default(defaultGraphqlLimits.introspection)
    .describe('Whether `__schema` and `__type` may be asked for.'),
});

const masked = matching(
  'a field',
  /^(?:[A-Za-z0-9_$-]{1,128}|(?:\/(?:\*|(?:[^~/*\s]|~0|~1){1,128})){1,20})$/,
  '`iban`, wherever it stands, or `/items/*/card`',
);

export const mask = z.strictObject({
  fields: z
    .array(masked)
    .default([])
    .describe('Fields by name, wherever they stand, or by JSON pointer, where `*` stands for any key or index.'),
  declared: z
    .boolean()
    .default(true)
    .describe('Whether fields that the OpenAPI document marks `x-merlon-sensitive` are masked, too.'),
  unless: z.array(name).default([]).describe('Roles that see the values.'),
  keepLast: z.int().min(0).max(4).default(0).describe('Characters at the end of a text that stay readable.'),
});

const day = matching('a day', /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/, '`2027-06-30`').superRefine(
  (text, context) => {
    const date = new Date(`${text}T00:00:00Z`);
    if (Number.isNaN(date.getTime()) || date.toISOString().slice(0, 10) !== text)
      refuse(context, `there is no day \`${text}\``, { code: 'manifest.bad-value' });
  },
);

const target = matching('a path or URL', /^(?:\/|https:\/\/)[A-Za-z0-9._~!$&'()*+,;=:@/?#%-]{0,1023}$/, '`/v2/orders`');

export const deprecated = z
  .strictObject({
    since: day.describe('Day from which it is deprecated (`Deprecation`, RFC 9745).'),
    sunset: day.exactOptional().describe('Day on which it goes away (`Sunset`, RFC 8594).'),
    successor: target.exactOptional().describe('What takes its place (`Link`, `successor-version`).'),
    info: target.exactOptional().describe('Where callers read about it (`Link`, `deprecation`).'),
    after: z
      .enum(['serve', 'refuse'])
      .default('serve')
      .describe('What a request meets after the sunset. `refuse`: 410.'),
  })
  .superRefine(({ since, sunset, after }, context) => {
    const code = 'manifest.bad-route';
    if (sunset !== undefined && sunset < since)
      refuse(context, 'the sunset comes before the deprecation', { code }, ['sunset']);
    if (after === 'refuse' && sunset === undefined)
      refuse(context, '`after: refuse` needs a `sunset`', { code, hint: 'say when, or remove `after`' }, ['after']);
  });
