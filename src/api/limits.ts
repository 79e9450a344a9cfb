import { z } from 'zod';

// What the control plane tells the data plane about limits, and what broker and workers say to each other. All of
// it is plain data: it goes through a pipe between two processes, or through a shared store between two hosts.

const name = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[A-Za-z0-9_.-]+$/);

/** Whose requests are counted together; `all`: everyone's. A caller who lacks the named thing is counted by address. */
export const limitKeySchema = z.union([
  z.enum(['ip', 'user', 'client', 'apiKey', 'route', 'all']),
  z.strictObject({ claim: z.string().min(1).max(256) }),
]);

const common = {
  /** Unique in the deployment and stable from one snapshot to the next; the counts belong to it. */
  id: z.string().min(1).max(2048),
  /** As the caller sees it in `RateLimit-Policy`: `perUser`. */
  name,
  by: limitKeySchema,
  /** Where it stands in the manifest: `routes[2].limits.perUser`. */
  origin: z.string().max(256),
  /** As a person wrote it: `60/min`. */
  text: z.string().max(64),
  count: z.int().min(1).max(1e9),
};

/** So many requests in each period, spread evenly, with a burst (GCRA). */
export const rateRuleSchema = z.strictObject({
  kind: z.literal('rate'),
  ...common,
  periodMs: z
    .number()
    .min(1)
    .max(31 * 86_400_000),
  /** How many may come at once; `count` where it is not told. */
  burst: z.int().min(1).max(1e9).optional(),
});

/** So many requests in each calendar day or month (UTC). Survives restarts. */
export const quotaRuleSchema = z.strictObject({
  kind: z.literal('quota'),
  ...common,
  period: z.enum(['day', 'month']),
});

/** So many requests at the same time. */
export const concurrencyRuleSchema = z.strictObject({ kind: z.literal('concurrency'), ...common });

export const limitRuleSchema = z.discriminatedUnion('kind', [rateRuleSchema, quotaRuleSchema, concurrencyRuleSchema]);

/** The snapshot's section on limits. */
export const limitsSectionSchema = z.strictObject({
  /** An IPv6 address counts by its first so many bits: whoever holds a /64 holds 2^64 addresses. */
  ipv6PrefixBits: z.int().min(16).max(128).default(64),
  /** Checked before anyone is authenticated; `by` is `ip` or `all`. */
  gateway: z.array(limitRuleSchema),
  /** By route id. A rule that stands under several routes is one limit. */
  routes: z.record(z.string(), z.array(limitRuleSchema)),
  /** Tokens that one request of a route takes, by method or OpenAPI operation; `*`: any other. Missing: 1. */
  costs: z.record(z.string(), z.record(z.string(), z.int().min(1))).exactOptional(),
  /** Limits of single API keys, by the key's id, beside those of the route. */
  apiKeys: z.record(z.string(), z.array(limitRuleSchema)).exactOptional(),
});

export type LimitKey = z.infer<typeof limitKeySchema>;
export type RateRule = z.infer<typeof rateRuleSchema>;
export type QuotaRule = z.infer<typeof quotaRuleSchema>;
export type ConcurrencyRule = z.infer<typeof concurrencyRuleSchema>;
export type LimitRule = z.infer<typeof limitRuleSchema>;
export type LimitsSection = z.infer<typeof limitsSectionSchema>;

const tokens = z.int().min(0).max(1e9);
const leased = { limit: z.string().max(2048), key: z.string().max(2048) };

/** A worker asks for a slice of a limit. */
const leaseAskSchema = z.strictObject({
  kind: z.literal('ask'),
  /** Grows with each ask of this worker; the grant repeats it. */
  id: z.int().min(0),
  ...leased,
  /** At least so many tokens, or none; 0: whatever is there, at once (asked ahead of need). */
  need: tokens,
  /** So many would be welcome. */
  want: tokens,
  /** Tokens of earlier slices that were spent since the last message about this key. */
  spent: tokens,
});

/** A worker gives back what it did not use, because the slice lapsed, came too late, or was recalled. */
const leaseReturnSchema = z.strictObject({ kind: z.literal('return'), ...leased, spent: tokens, unspent: tokens });

/** What a worker may say. It faces the network, so the broker believes none of it unchecked. */
export const toBrokerSchema = z.discriminatedUnion('kind', [leaseAskSchema, leaseReturnSchema]);

export type LeaseAsk = z.infer<typeof leaseAskSchema>;
export type LeaseReturn = z.infer<typeof leaseReturnSchema>;

/** The broker's answer to one ask: a slice, or none. */
export interface LeaseGrant {
  readonly kind: 'grant';
  /** The id of the ask. */
  readonly ask: number;
  readonly limit: string;
  readonly key: string;
  readonly tokens: number;
  /** How long the worker may spend them, from the moment when it asked. */
  readonly leaseMs: number;
  /** What the limit has left beside this slice, as the broker knows. */
  readonly remaining: number;
  /** Until the limit is whole again. */
  readonly resetMs: number;
  /** Where no tokens came: until the need (1 where it was 0) could be met; -1: never. */
  readonly retryAfterMs: number;
}

/** The broker cannot answer an ask: it knows no such limit, or could not save. The worker's own share decides. */
export interface LeaseDecline {
  readonly kind: 'decline';
  readonly ask: number;
  readonly limit: string;
  readonly key: string;
}

/** The broker wants unspent tokens back, since another worker has run dry. The worker answers with a return. */
export interface LeaseRecall {
  readonly kind: 'recall';
  readonly limit: string;
  readonly key: string;
}

/** A worker asks for the right to run so many more requests of a concurrency limit. */
const slotAskSchema = z.strictObject({
  kind: z.literal('slot-ask'),
  id: z.int().min(0),
  ...leased,
  need: z.int().min(1).max(1e6),
});

/** A worker gives slots back: nobody has used them for a while, or they were recalled (then 0 is an answer, too). */
const slotReturnSchema = z.strictObject({ kind: z.literal('slot-return'), ...leased, slots: tokens });

/** What a worker runs of a limit as it comes (back) to the broker: it says so before it asks for more. */
const slotHoldSchema = z.strictObject({ kind: z.literal('slot-hold'), ...leased, slots: tokens });

/** What a worker may say of concurrency. */
export const toSlotBrokerSchema = z.discriminatedUnion('kind', [slotAskSchema, slotReturnSchema, slotHoldSchema]);

export type SlotAsk = z.infer<typeof slotAskSchema>;
export type ToSlotBroker = z.infer<typeof toSlotBrokerSchema>;

/** The answer to one ask: as many slots as there are, at most as many as were needed. */
export interface SlotGrant {
  readonly kind: 'slot-grant';
  readonly ask: number;
  readonly limit: string;
  readonly key: string;
  readonly slots: number;
}

/** The broker knows no such limit, or of too many keys. The worker's own share decides. */
export interface SlotDecline {
  readonly kind: 'slot-decline';
  readonly ask: number;
  readonly limit: string;
  readonly key: string;
}

/** Others need slots. The worker answers with a return of those that are free. */
export interface SlotRecall {
  readonly kind: 'slot-recall';
  readonly limit: string;
  readonly key: string;
  /** More are held than there are: the worker may keep so many, and gives back what is above as soon as it is free. */
  readonly keep?: number;
}

export type ToBroker = z.infer<typeof toBrokerSchema>;
export type ToWorker = LeaseGrant | LeaseDecline | LeaseRecall;
export type ToSlotWorker = SlotGrant | SlotDecline | SlotRecall;
