// What a connection of our server is given where there is no server around it.
import { systemClock } from '../../src/core/clock.ts';
import { defaultHttpLimits } from '../../src/net/config.ts';
import type { ServerConnection } from '../../src/net/server-connection.ts';

export type TestHost = ConstructorParameters<typeof ServerConnection>[0];

/** Whom the requests of a connection come from. */
export const localPeer = {
  scheme: 'http',
  remoteAddress: '127.0.0.1',
  remotePort: 1,
  localPort: 2,
  peerCertificate: undefined,
  servername: undefined,
  trustedProxies: undefined,
} as const;

const nothing = (): void => undefined;

/** A host that does what it is told of requests and refusals, and counts nothing. */
export function hostOf(own: Pick<TestHost, 'handle' | 'refuse' | 'report'>): TestHost {
  return {
    clock: systemClock,
    limits: defaultHttpLimits,
    isDraining: false,
    requestStarted: nothing,
    requestEnded: nothing,
    closed: nothing,
    ...own,
  };
}
