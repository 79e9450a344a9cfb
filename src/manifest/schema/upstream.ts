import { z } from 'zod';
import { duration, label, matching, refuse } from './terms.ts';

const healthCheck = z.strictObject({
  path: matching('a path', /^\/[\x21-\x7e]{0,1023}$/, '`/healthz`')
    .exactOptional()
    .describe('Path that answers below 400 while an endpoint is well. Default: `health` of the service.'),
  interval: duration.prefault('5s').describe('How often each endpoint is asked.'),
  timeout: duration.prefault('2s').describe('How long it may take to answer.'),
  failures: z.int().min(1).max(100).default(2).describe('Failures in a row that take an endpoint out.'),
  successes: z.int().min(1).max(100).default(1).describe('Successes in a row that take it back.'),
});

const ejection = z.strictObject({
  failures: z
    .int()
    .min(0)
    .max(1000)
    .default(5)
    .describe('Failed requests in a row that take an endpoint out; 0: never.'),
  time: duration.prefault('10s').describe('For how long; doubles each time, up to 16 fold.'),
  share: z.number().min(0).max(1).default(0.5).describe('Share of the endpoints that may be out at once.'),
});

const retries = z.strictObject({
  share: z
    .number()
    .min(0)
    .max(1)
    .default(0.2)
    .describe('Retries per request, on average. Only idempotent requests are retried.'),
  attempts: z.int().min(0).max(10).default(2).describe('Retries of one request.'),
});

/** How the endpoints of a service are used. */
export const upstream = z.strictObject({
  resolve: duration
    .prefault('30s')
    .describe('How often the host names of `address` are resolved anew, at least: sooner where their TTL is shorter.'),
  healthCheck: healthCheck.exactOptional().describe('Asks each endpoint whether it is well. Default: none is asked.'),
  ejection: ejection.prefault({}).describe('Takes endpoints out whose requests fail.'),
  connections: z.int().min(1).max(65_535).default(256).describe('Connections to one endpoint.'),
  pending: z.int().min(0).max(1_000_000).default(1024).describe('Requests that wait for a connection; more get 503.'),
  retries: retries.prefault({}).describe('Budget of retries.'),
});

const fieldName = matching('a header name', /^[A-Za-z0-9-]{1,64}$/, '`X-Canary`').transform((text) =>
  text.toLowerCase(),
);
const fieldValue = matching('a header value', /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/, '`yes`');

const variant = z
  .strictObject({
    service: label.describe('The service that answers instead.'),
    weight: z.number().min(0).max(100).default(0).describe('Percent of the requests that go there.'),
    headers: z
      .record(fieldName, fieldValue)
      .default({})
      .describe('Request headers that all must have these values: such a request goes there whatever the weights.'),
  })
  .superRefine(({ weight, headers }, context) => {
    if (weight === 0 && Object.keys(headers).length === 0)
      refuse(context, 'nothing would ever go there', {
        code: 'manifest.no-effect',
        hint: 'give it a `weight` or `headers`',
      });
  });

/** Services that answer a part of a route's requests. */
export const canary = z
  .array(variant)
  .max(16)
  .superRefine((variants, context) => {
    const sum = variants.reduce((all, { weight }) => all + weight, 0);
    if (sum > 100)
      refuse(context, `the weights add up to ${sum} percent`, {
        code: 'manifest.bad-route',
        hint: 'at most 100; what is left goes to `service`',
      });
  });

/** Whose requests keep going to the same service. */
export const sticky = z.enum(['principal', 'address']);
