export { addressKey } from './address.ts';
export type { LimitedCaller } from './caller.ts';
export {
  type CompiledLimits,
  type CompileLimitsOptions,
  compileLimits,
  type LimitCheck,
  tokenRulesOf,
} from './compile.ts';
export { type ConcurrencyLimiter, concurrencyShare, createConcurrencyLimiter } from './concurrency.ts';
export {
  defaultLimitsOptions,
  defaultLoginThrottleOptions,
  type LimitsOptions,
  type LoginThrottleOptions,
} from './config.ts';
export { type LimitsErrorCode, limitsErrorCodes } from './errors.ts';
export { type LimitFields, mergeLimitFields } from './fields.ts';
export { createLeasedLimiter, type LeasedLimiter, type LeasedLimiterOptions } from './leased-limiter.ts';
export { type AskingLimiter, type LimitState, type RateSpec, rateSpecOf, type TokenRule } from './limit-state.ts';
export { createLimiter, type Limiter, type LimiterOptions, type LimiterStats } from './limiter.ts';
export type {
  LoginCounter,
  LoginState,
  QuotaState,
  QuotaUse,
  SendToBroker,
  SendToSlotBroker,
  SendToWorker,
} from './ports.ts';
export { createSlotLimiter, type SlotLimiter, type SlotLimiterOptions } from './slot-limiter.ts';
