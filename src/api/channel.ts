// What control and the other processes say to each other: one JSON value a line, over a Unix socket that only
// the owner may open. The schemas check what arrives, since a compromised role must not confuse control.
import { z } from 'zod';
import { type ScannerNews, scannerNews } from './edge.ts';
import type { EdgeTls } from './edge-tls.ts';
import type { LedgerRecord } from './record.ts';

export const roleNames = ['supervisor', 'gateway', 'agent'] as const;
export type RoleName = (typeof roleNames)[number];

const text = z.string().max(4096);

/** First message of a role: proves that it holds the join token of its launch. */
const hello = z.strictObject({
  type: z.literal('hello'),
  role: z.enum(roleNames),
  /** Which of its kind: `1` for the first gateway worker. */
  name: z.string().regex(/^[a-z0-9-]{1,40}$/),
  /** HMAC-SHA-256 under the join token over the challenge's nonce, the role and the name; base64url. */
  proof: text,
});

/** This snapshot version is in force (ack), or was refused and the former stays in force (nack). */
const ack = z.strictObject({ type: z.literal('ack'), version: text });
const nack = z.strictObject({
  type: z.literal('nack'),
  version: text,
  code: text,
  message: text,
  /** The port that a stranger holds, where that is why. */
  portTaken: z.number().int().optional(),
});

/** Asks for an X.509-SVID for a key that the role has generated and holds. */
const svidRequest = z.strictObject({
  type: z.literal('svid-request'),
  request: z.number().int(),
  spiffeId: text,
  /** SPKI DER, base64url. */
  publicKey: text,
  /** Signature by that key over the challenge's nonce, base64url. */
  proof: text,
});

/** Decision records and events, in the order of the role's spool. */
const records = z.strictObject({
  type: z.literal('records'),
  sequence: z.number().int(),
  records: z.array(z.custom<LedgerRecord>((value) => typeof value === 'object' && value !== null)).max(1000),
});

/** The state of a workload that the supervisor runs. */
const workload = z.strictObject({
  type: z.literal('workload'),
  service: text,
  state: z.enum(['starting', 'healthy', 'unhealthy', 'stopped', 'crashed']),
  pid: z.number().int().optional(),
  /** It ended, and a stranger holds the port that it was given. */
  portTaken: z.number().int().optional(),
});

/** A message about shared limits; the limits folder knows its shape. */
const lease = z.strictObject({ type: z.literal('lease'), body: z.unknown() });

const count = z.int().min(0);
const shortText = z.string().max(300);

/** Undeclared and deprecated endpoints that were used since the last message. */
const endpoints = z.strictObject({
  type: z.literal('endpoints'),
  endpoints: z
    .array(
      z.strictObject({
        kind: z.enum(['shadow', 'zombie']),
        service: shortText,
        method: shortText,
        path: text,
        count,
        answered: count,
        firstMs: count,
        lastMs: count,
        sunset: shortText.exactOptional(),
        callers: z
          .array(z.strictObject({ client: text, roles: z.array(shortText).max(20).readonly(), count }))
          .max(50)
          .readonly(),
      }),
    )
    .max(1000)
    .readonly(),
  overflow: count,
});

/** What a gateway worker has seen of scanners, for the other workers. */
const scanners = z.strictObject({ type: z.literal('scanners'), news: z.array(scannerNews).max(500).readonly() });

/** The worker uses what it was last told of shared TLS. */
const edgeTlsAck = z.strictObject({ type: z.literal('edge-tls-ack'), sequence: z.number().int() });

export const fromRole = z.discriminatedUnion('type', [
  hello,
  ack,
  nack,
  svidRequest,
  records,
  workload,
  lease,
  endpoints,
  scanners,
  edgeTlsAck,
]);
export type FromRole = z.infer<typeof fromRole>;
export type Hello = z.infer<typeof hello>;

/** What control says. Roles trust control, so these are types only. */
export type FromControl =
  | { readonly type: 'challenge'; readonly nonce: string }
  | { readonly type: 'welcome' }
  | { readonly type: 'refused'; readonly code: string; readonly message: string }
  | { readonly type: 'snapshot'; readonly version: string; readonly body: unknown }
  | {
      readonly type: 'svid';
      readonly request: number;
      /** Leaf first, PEM. */
      readonly chain: string;
      readonly notBeforeMs: number;
      readonly notAfterMs: number;
    }
  | { readonly type: 'svid-refused'; readonly request: number; readonly code: string; readonly message: string }
  | { readonly type: 'records-ack'; readonly sequence: number }
  | { readonly type: 'roles'; readonly roles: readonly RoleState[] }
  | { readonly type: 'lease'; readonly body: unknown }
  /** To gateway workers: what another one has seen. */
  | { readonly type: 'scanners'; readonly news: readonly ScannerNews[] }
  /** To gateway workers. Secret: never written, never logged. */
  | { readonly type: 'edge-tls'; readonly sequence: number; readonly body: EdgeTls };

/** How far a role has come: the snapshot that it acknowledged last. */
export interface RoleState {
  readonly role: RoleName;
  readonly name: string;
  readonly version: string | undefined;
}
