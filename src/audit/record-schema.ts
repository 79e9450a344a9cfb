// What a record must look like before the ledger takes it: roles send records, and a role may be compromised. What the schema
// does not name is left out.

import { z } from 'zod';
import type { LedgerRecord } from '../api/record.ts';

const text = z.string().max(4_096);
const list = z.array(text).max(64);
const id = z.string().regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
const timeMs = z.int().min(0).max(8_640_000_000_000_000);

const principal = z.object({
  kind: z.enum(['user', 'client', 'workload', 'operator', 'anonymous']),
  id: text,
  issuer: text.optional(),
  client: text.optional(),
  roles: list.optional(),
  scopes: list.optional(),
});

const step = z.object({ filter: text, outcome: z.enum(['pass', 'deny', 'report', 'skip']) });

const reason = z.object({
  filter: text,
  code: text,
  message: text,
  detail: text.optional(),
  rule: text.optional(),
  clause: text.optional(),
  claim: text.optional(),
  expected: text.optional(),
  actual: text.optional(),
  fixes: list.optional(),
});

const waf = z.object({
  score: z.int().min(0),
  threshold: z.int().min(0),
  matches: z
    .array(
      z.object({
        rule: text,
        message: text,
        severity: text.optional(),
        variable: text.optional(),
        value: text.optional(),
      }),
    )
    .max(32),
});

const decision = z.object({
  kind: z.literal('decision'),
  id,
  timeMs,
  plane: z.enum(['edge', 'mesh', 'egress', 'admin', 'secrets']),
  verdict: z.enum(['allow', 'deny', 'error']),
  status: z.int().min(0).max(999),
  grpcStatus: z.int().min(0).max(999_999).optional(),
  method: text,
  host: text,
  path: text,
  remoteAddress: text,
  route: text.optional(),
  service: text.optional(),
  variant: z.enum(['header', 'weight', 'rest']).optional(),
  operation: text.optional(),
  principal: principal.optional(),
  clientCertificate: z.object({ subject: text, fingerprint: text, names: list }).optional(),
  steps: z.array(step).max(64),
  reason: reason.optional(),
  waf: waf.optional(),
  traceId: text.optional(),
  durationMs: z.number().min(0),
  snapshot: text.optional(),
});

const event = z.object({
  kind: z.literal('event'),
  id,
  timeMs,
  actor: principal,
  action: text,
  target: text,
  outcome: z.enum(['success', 'failure']),
  detail: z.record(text, z.union([text, z.number(), z.boolean()])).optional(),
});

const record = z.discriminatedUnion('kind', [decision, event]);

// Fails to compile when the schema and the type come apart, in either direction.
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Keys<T> = T extends unknown ? keyof T : never;
const keysAgree: Same<Keys<z.output<typeof record>>, Keys<LedgerRecord>> = true;
void keysAgree;

/** `value` as a record, without members that no record has; undefined where it is none. */
export function tryParseRecord(value: unknown): LedgerRecord | undefined {
  const parsed = record.safeParse(value);
  return parsed.success ? (parsed.data as LedgerRecord) : undefined;
}
