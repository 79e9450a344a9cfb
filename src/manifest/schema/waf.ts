import { z } from 'zod';
import { matching, method, refuse, size } from './terms.ts';

// The web application firewall: `gateway.waf` says how it stands everywhere, `routes[].waf` where one route differs.

const mode = z.enum(['off', 'detect', 'block']);
const paranoia = z.int().min(1).max(4);
const threshold = z.int().min(1).max(10_000);

const shared = {
  paranoia: paranoia
    .exactOptional()
    .describe('How suspicious: 1 errs least, 4 sees most. Default: as the rules have it, which is 1.'),
  threshold: threshold
    .exactOptional()
    .describe('Sum of scores at which a request is refused. Default: as the rules have it, which is 5.'),
  bodyBytes: size
    .exactOptional()
    .describe('Largest request body; a larger one is refused unread. Default: what the route takes.'),
};

export const gatewayWaf = z.strictObject({
  mode: mode
    .default('block')
    .describe('What happens to what looks like an attack; `detect` records it and lets it pass.'),
  rules: z
    .string()
    .min(1)
    .max(4096)
    .default('builtin')
    .describe('`builtin`; `crs`: the OWASP Core Rule Set as Debian installs it; or a folder or file of SecLang.'),
  ...shared,
  responses: z
    .boolean()
    .default(false)
    .describe('Whether rules also read responses, the first 128 KiB of those that are text.'),
  sampling: z
    .number()
    .min(0)
    .max(100)
    .default(100)
    .describe('Share of requests that are looked at, in percent. Less than 100 is for trying out.'),
});

const fieldName = String.raw`[A-Za-z0-9_@$:*[\]-]{1,128}`;
const fieldPattern = new RegExp(
  String.raw`^(?:path|body|(?:query|body|header|cookie)(?:\.${fieldName}){1,32}|[A-Z_]{2,40}(?::[^\s|"']{1,256})?)$`,
);

const field = matching(
  'a field of a request',
  fieldPattern,
  '`body.items.*.note`, `query.q`, `header.x-note`, `cookie.prefs`, `path`, or a SecLang variable such as `ARGS:q`',
);

const rules = matching('an id or range of rules', /^\d{1,12}(?:-\d{1,12})?$/, '`942100` or `942100-942199`');

const exclusion = z
  .strictObject({
    rules: z
      .union([z.int().min(1).transform(String), rules])
      .exactOptional()
      .describe('Id of a rule, or a range: `942100-942199`.'),
    tag: z.string().min(1).max(128).exactOptional().describe('Rules with this very tag: `attack-sqli`.'),
    fields: z
      .array(field)
      .min(1)
      .max(64)
      .exactOptional()
      .describe('Fields that these rules leave out: `body.comment`, `query.q`. Default: the rules do not run at all.'),
    reason: z.string().min(1).max(1024).exactOptional().describe('Why it is harmless here.'),
  })
  .superRefine((value, context) => {
    if (value.rules === undefined && value.tag === undefined)
      refuse(context, 'an exclusion names `rules` or a `tag`', {
        code: 'manifest.bad-value',
        hint: 'to exclude everything, set `mode: off`',
      });
  });

const match = z
  .strictObject({
    field: field.describe('What is looked at.'),
    methods: z.array(method).min(1).exactOptional().describe('Methods that it is for. Default: all.'),
    contains: z.string().min(1).max(1024).exactOptional().describe('Refused where the field holds this text.'),
    matches: z.string().min(1).max(1024).exactOptional().describe('Refused where this regular expression matches.'),
  })
  .superRefine((value, context) => {
    if ((value.contains === undefined) === (value.matches === undefined))
      refuse(context, 'a match has either `contains` or `matches`', { code: 'manifest.bad-value' });
    const text = value.contains ?? value.matches ?? '';
    if (/[\r\n"]|\\$/.test(text))
      refuse(context, 'a match is one line without quotation marks', {
        code: 'manifest.bad-value',
        hint: 'write a quotation mark as `\\x22` in `matches`, or use `rule`',
      });
  });

const day = /^\d{4}-\d\d-\d\d$/;

const expires = z
  .string()
  .meta({ title: 'date' })
  .transform((text, context): string => {
    const full = day.test(text) ? `${text}T00:00:00Z` : text;
    if (z.iso.datetime({ offset: true }).safeParse(full).success) return full;
    refuse(context, `\`${text}\` is not a date`, {
      code: 'manifest.bad-value',
      hint: 'write it as `2027-01-31` or `2027-01-31T12:00:00Z`',
    });
    return z.NEVER;
  });

const patch = z
  .strictObject({
    id: matching('a name', /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, '`CVE-2026-1234`').describe('What it is against.'),
    match: match.exactOptional().describe('The simple form: one field, one text.'),
    rule: z.string().min(1).max(65_536).exactOptional().describe('The full form: SecLang.'),
    owner: z.string().min(1).max(256).describe('Who answers for it.'),
    reason: z.string().min(1).max(1024).describe('What it keeps out.'),
    expires: expires.describe('From this day on it does not run: by then the service is mended.'),
  })
  .superRefine((value, context) => {
    if ((value.match === undefined) === (value.rule === undefined))
      refuse(context, 'a patch has either `match` or `rule`', { code: 'manifest.bad-value' });
  });

export const routeWaf = z
  .strictObject({
    mode: mode.exactOptional().describe("What happens to what looks like an attack. Default: the gateway's."),
    ...shared,
    bodies: z
      .enum(['read', 'stream'])
      .default('read')
      .describe('`stream`: bodies of requests pass unread, for uploads and streams.'),
    responses: z.boolean().exactOptional().describe("Whether rules read responses. Default: the gateway's."),
    exclusions: z.array(exclusion).max(256).default([]).describe('What rules are wrong about here.'),
    patches: z.array(patch).max(64).default([]).describe('Virtual patches: rules against one hole, for a while.'),
  })
  .superRefine(({ patches }, context) => {
    for (const [at, { id }] of patches.entries())
      if (patches.findIndex((other) => other.id === id) < at)
        refuse(context, `the patch \`${id}\` is there twice`, { code: 'manifest.bad-value' }, ['patches', at, 'id']);
  });

export type GatewayWaf = z.output<typeof gatewayWaf>;
export type RouteWaf = z.output<typeof routeWaf>;
export type WafPatch = z.output<typeof patch>;
