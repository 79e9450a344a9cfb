import type { UpstreamSettings } from '../../src/api/snapshot.ts';

/** What a manifest that says nothing of a service's upstream compiles to. */
export const upstreamSettings: UpstreamSettings = {
  resolveMs: 30_000,
  healthCheck: undefined,
  limits: {
    connections: 256,
    pending: 1024,
    connectMs: 3000,
    firstByteMs: 30_000,
    bodyIdleMs: 60_000,
    retryRatio: 0.2,
    retryAttempts: 2,
    ejectAfter: 5,
    ejectMs: 10_000,
    ejectMaxRatio: 0.5,
  },
};
