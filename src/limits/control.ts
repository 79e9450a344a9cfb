import type { SharedCounters } from './shared/ports.ts';
import type { RedisOptions } from './shared/redis.ts';

// What control runs: the broker that shares limits among workers, quotas, login throttling.

export { concurrencyRulesOf, tokenRulesOf } from './compile.ts';
export { defaultLimitsOptions, defaultLoginThrottleOptions } from './config.ts';
export { createLeaseBroker, type LeaseBroker, type LeaseBrokerOptions } from './lease-broker.ts';
export {
  createLoginThrottle,
  type LoginThrottle,
  type LoginThrottleSetup,
  type LoginVerdict,
} from './login-throttle.ts';
export type { LoginCounter, LoginState, QuotaState, QuotaUse, SendToWorker } from './ports.ts';
export { createQuotas, type QuotaOptions, type Quotas } from './quotas.ts';
export { createSharedLink, type SharedLink, type SharedLinkOptions } from './shared/link.ts';
export type { SharedCounters } from './shared/ports.ts';
export type { RedisOptions } from './shared/redis.ts';
export { createSlotBroker, type SlotBroker, type SlotBrokerOptions } from './slot-broker.ts';

/** Counters in Redis or Valkey. The client is loaded by the first call, so that who does not share does not carry it. */
export async function connectRedis(options: RedisOptions): Promise<SharedCounters> {
  const { createRedisCounters } = await import('./shared/redis.ts');
  return createRedisCounters(options);
}
