import { z } from 'zod';
import { ipList, scanners } from './edge.ts';
import {
  type Address,
  address,
  duration,
  file,
  matching,
  network,
  origin,
  rate,
  refuseUnavailable,
  size,
} from './terms.ts';

const certificate = z
  .union([
    z.enum(['development', 'acme']),
    z.strictObject({
      cert: file.describe('PEM file: the certificate, then its chain.'),
      key: file.describe('PEM file: the private key, readable by its owner only.'),
    }),
  ])
  .superRefine((value, context) => {
    if (value === 'acme') refuseUnavailable(context, 'gateway.certificate');
  })
  .transform((value) => value as Exclude<typeof value, 'acme'>);

const waf = z
  .strictObject({
    mode: z.enum(['off', 'detect', 'block']).exactOptional().describe('What a match does.'),
    paranoia: z.int().min(1).max(4).exactOptional().describe('Paranoia level of the Core Rule Set.'),
    rules: z.string().exactOptional().describe('`builtin`, `crs`, or a folder of SecLang files.'),
  })
  .superRefine((_, context) => refuseUnavailable(context, 'gateway.waf'));

export const timeouts = z.strictObject({
  connect: duration.prefault('2s').describe('To connect to a service.'),
  firstByte: duration.prefault('30s').describe("From the request's end to the response's first byte."),
  idle: duration.prefault('60s').describe('Without a byte in either direction.'),
});

const limits = z.strictObject({
  perIp: rate.exactOptional().describe('Requests of one client address. Default: no limit.'),
  bodyBytes: size.prefault('1MiB').describe('Largest request body. A route may set its own.'),
  headerBytes: size.prefault('32KiB').describe('Largest header section.'),
  headerCount: z.int().min(1).max(1000).default(100).describe('Most header fields of one request.'),
  headerTimeout: duration.prefault('10s').describe('To receive a whole header section.'),
  connectionsPerIp: z.int().min(1).default(1000).describe('Open connections of one client address.'),
  requestsPerConnection: z.int().min(1).default(10_000).describe('Requests before a connection is closed.'),
});

function publicUrlOf({ scheme, port }: Address): string {
  const standard = port === (scheme === 'https' ? 443 : 80);
  return `${scheme}://localhost${standard ? '' : `:${port}`}`;
}

export const gateway = z
  .strictObject({
    listen: address.prefault('https://127.0.0.1:8443').describe('Where the gateway listens: scheme, host and port.'),
    publicUrl: origin
      .exactOptional()
      .describe('The origin by which callers reach it. Default: `localhost` and the port of `listen`.'),
    certificate: certificate
      .prefault('development')
      .describe('`development`: from the built-in CA. `{ cert, key }`: your own. (`acme` is not in this version.)'),
    workers: z.int().min(1).max(256).default(1).describe('Processes that share the port.'),
    ipAllow: ipList.default([]).describe('Client networks that may call, or files that list them; empty: all.'),
    ipDeny: ipList.default([]).describe('Client networks that may not call, or files. Wins over `ipAllow`.'),
    scanners: scanners
      .exactOptional()
      .describe('Throttles addresses that behave like scanners: by what fails, by tool, by honeypot. Default: off.'),
    hideHeaders: z
      .array(matching('a header name', /^[A-Za-z0-9-]{1,64}$/, '`X-Debug-Token`'))
      .default([])
      .describe('Response headers of services that callers never see, beside those that name software.'),
    trustedProxies: z.array(network).default([]).describe('Proxies in front whose `X-Forwarded-For` is believed.'),
    limits: limits.prefault({}).describe('Bounds of every request.'),
    timeouts: timeouts.prefault({}).describe('Times after which a request is given up.'),
    waf: waf.exactOptional().describe('The web application firewall. Not in this version.'),
  })
  .transform(({ waf: _, ...gateway }) => ({ ...gateway, publicUrl: gateway.publicUrl ?? publicUrlOf(gateway.listen) }));

export type Gateway = z.output<typeof gateway>;
