import { z } from 'zod';
import { ipList, scanners } from './edge.ts';
import { acme, certificate, certificates, clientCertificates, refineEdge, tls } from './edge-tls.ts';
import { gatewayLimits } from './limits.ts';
import { type Address, address, duration, matching, network, origin } from './terms.ts';
import { gatewayWaf } from './waf.ts';

export const timeouts = z.strictObject({
  connect: duration.prefault('2s').describe('To connect to a service.'),
  firstByte: duration.prefault('30s').describe("From the request's end to the response's first byte."),
  idle: duration.prefault('60s').describe('Without a byte in either direction.'),
  total: duration.exactOptional().describe('The whole exchange. Default: no bound.'),
});

const apiKeys = z.strictObject({
  header: matching(
    'the name of such a field',
    /^(?![Aa]uthorization$|[Cc]ookie$|[Hh]ost$)[A-Za-z0-9-]{1,64}$/,
    '`X-API-Key`',
  )
    .transform((text) => text.toLowerCase())
    .default('x-api-key')
    .describe('Field that holds an API key and nothing else.'),
  bearer: z.boolean().default(true).describe('Whether `Authorization: Bearer` may hold one as well.'),
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
      .describe(
        '`development`: from the built-in CA. `acme`: from a certificate authority. `{ cert, key }`: your own.',
      ),
    acme: acme.exactOptional().describe('How `certificate: acme` gets its certificate.'),
    certificates: certificates
      .default([])
      .describe('Certificates of your own for further names, chosen by the name that a client asks for.'),
    tls: tls.prefault({}).describe('What is asked of TLS.'),
    clientCertificates: clientCertificates
      .exactOptional()
      .describe('Certificates of callers. Default: none is asked for.'),
    redirect: address
      .exactOptional()
      .describe('A plain port, as `http://0.0.0.0:80`, where every request is sent on to https.'),
    proxyProtocol: z
      .enum(['none', 'required'])
      .default('none')
      .describe('`required`: each connection begins with a PROXY protocol header (v1 or v2) of a trusted proxy.'),
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
    limits: gatewayLimits
      .prefault({})
      .describe(
        'Bounds of every request, and limits of the whole gateway; callers are counted on routes that look at them.',
      ),
    apiKeys: apiKeys.prefault({}).describe('Where API keys are presented.'),
    timeouts: timeouts.prefault({}).describe('Times after which a request is given up.'),
    waf: gatewayWaf.prefault({}).describe('The web application firewall. On unless this says otherwise.'),
  })
  .superRefine(refineEdge)
  .transform((gateway) => ({ ...gateway, publicUrl: gateway.publicUrl ?? publicUrlOf(gateway.listen) }));

export type Gateway = z.output<typeof gateway>;
