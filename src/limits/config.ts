/** What the limits engine may use, and how it behaves; one place for defaults. */
export interface LimitsOptions {
  /** Keys told apart at once in one process. Costs 27 bytes each, taken at start. */
  readonly maxKeys: number;
  /** How long a worker may spend a slice. Shorter: unspent tokens come back sooner; longer: fewer messages. */
  readonly leaseMs: number;
  /** How long the broker waits for a slice that it called back. Well below `askTimeoutMs`. */
  readonly recallMs: number;
  /** How long a request waits for the broker before the worker's own share of the limit decides. */
  readonly askTimeoutMs: number;
  /** After a refusal a worker does not ask again for at least so long. */
  readonly minRetryMs: number;
  /** Requests that may wait for the broker at once; more are judged by the worker's own share. */
  readonly maxWaiting: number;
  /** Tokens in one slice at most. */
  readonly maxSlice: number;
  /** A worker keeps a slot of a concurrency limit that nobody uses for so long. */
  readonly slotIdleMs: number;
}

export const defaultLimitsOptions: LimitsOptions = {
  maxKeys: 250_000,
  leaseMs: 2000,
  recallMs: 100,
  askTimeoutMs: 500,
  minRetryMs: 5,
  maxWaiting: 1000,
  maxSlice: 10_000,
  slotIdleMs: 1000,
};

/** How failed logins slow down the next ones. */
export interface LoginThrottleOptions {
  /** Failures of one account, and of one account from one address, before the first wait. */
  readonly freeFailures: number;
  /** Failures of one address, over all accounts, before the first wait. */
  readonly freeFailuresPerAddress: number;
  /** The first wait; each further failure doubles it. */
  readonly baseMs: number;
  readonly maxMs: number;
  /** A counter that has been quiet for so long is forgotten. */
  readonly forgetMs: number;
  /** An address from which an account has logged in is known to it for so long. */
  readonly knownMs: number;
  /** Counters kept at once. */
  readonly maxKeys: number;
  /** How often changed counters are saved. */
  readonly saveMs: number;
}

export const defaultLoginThrottleOptions: LoginThrottleOptions = {
  freeFailures: 5,
  freeFailuresPerAddress: 20,
  baseMs: 1000,
  maxMs: 15 * 60_000,
  forgetMs: 24 * 3_600_000,
  knownMs: 30 * 86_400_000,
  maxKeys: 100_000,
  saveMs: 1000,
};

/** How a host shares its limits with others through Redis or Valkey. */
export interface SharedOptions {
  /** How long a host's slice counts as held over there after its last word; it hands out of it for half as long. */
  readonly leaseMs: number;
  /** An answer that takes longer counts as none. Well below `askTimeoutMs`: a request waits behind it. */
  readonly callTimeoutMs: number;
  /** How often a host says that it is there; while the counters are away, how often they are tried. */
  readonly helloMs: number;
  /** A host counts for so long after its last word. */
  readonly aliveMs: number;
  /** Questions under way at once; more wait here for their turn, which is no fault of the counters. */
  readonly maxAsking: number;
  /** Questions that wait for their turn; with more the counters count as away. */
  readonly maxQueued: number;
}

/** Keys that are tended at once where hosts share: leases renewed, what is not used given back. */
export const tendWidth = 32;

export const defaultSharedOptions: SharedOptions = {
  leaseMs: 10_000,
  callTimeoutMs: 100,
  helloMs: 1000,
  aliveMs: 15_000,
  maxAsking: 128,
  maxQueued: 20_000,
};
