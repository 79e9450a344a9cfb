// What the processes under measurement are told on their command line, and the bounds that all of them lift: a load generator
// sends all its requests from one address over a few connections that never end.
import { parseArgs } from 'node:util';
import type { HttpLimits, UpstreamLimits } from '../../../src/net/index.ts';

export interface Words {
  readonly port: number;
  /** Port of the upstream. */
  readonly upstream: number;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  /** Public keys of the issuer, a JWKS file. */
  readonly jwks: string | undefined;
  /** Reach the service through an agent's inbound listener. */
  readonly mesh: boolean;
}

export function parseWords(): Words {
  const { values } = parseArgs({
    options: {
      port: { type: 'string' },
      upstream: { type: 'string' },
      certificate: { type: 'string' },
      key: { type: 'string' },
      jwks: { type: 'string' },
      mesh: { type: 'boolean' },
    },
  });
  const { port, upstream, certificate, key, jwks, mesh = false } = values;
  return { port: Number(port), upstream: Number(upstream), certificate, key, jwks, mesh };
}

export const listenerLimits: Partial<HttpLimits> = {
  connections: 30_000,
  connectionsPerIp: 30_000,
  requestsPerConnection: 1_000_000_000,
  idleTimeMs: 600_000,
};

export const upstreamLimits: Partial<UpstreamLimits> = { connections: 512, idleConnections: 512 };
