// What control runs: the broker that shares limits among workers, quotas, login throttling.

export { tokenRulesOf } from './compile.ts';
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
