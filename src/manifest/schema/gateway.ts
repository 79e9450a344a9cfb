import { z } from 'zod';
import { acme, certificate, certificates, clientCertificates, refineEdge, tls } from './edge-tls.ts';
import { type Address, address, duration, network, origin, rate, size } from './terms.ts';
import { gatewayWaf } from './waf.ts';

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
    ipAllow: z.array(network).default([]).describe('Client networks that may call; empty: all.'),
    ipDeny: z.array(network).default([]).describe('Client networks that may not call. Wins over `ipAllow`.'),
    trustedProxies: z.array(network).default([]).describe('Proxies in front whose `X-Forwarded-For` is believed.'),
    limits: limits.prefault({}).describe('Bounds of every request.'),
    timeouts: timeouts.prefault({}).describe('Times after which a request is given up.'),
    waf: gatewayWaf.prefault({}).describe('The web application firewall. On unless this says otherwise.'),
  })
  .superRefine(refineEdge)
  .transform((gateway) => ({ ...gateway, publicUrl: gateway.publicUrl ?? publicUrlOf(gateway.listen) }));

export type Gateway = z.output<typeof gateway>;
