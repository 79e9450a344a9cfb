import { z } from 'zod';
import { IdentityError } from './errors.ts';

/**
 * Where an authority stands in its rotation. `prepared`: published, does not sign yet. `active`: signs. `retired`: signs no
 * more, what it signed is still good. `tainted`: as retired, and holders are told to renew now. Revoked ones are gone.
 */
export const stages = ['prepared', 'active', 'retired', 'tainted'] as const;
export type Stage = (typeof stages)[number];

/** What an authority signs. */
export type AuthorityKind = 'x509' | 'jwt';

const common = {
  id: z.string(),
  stage: z.enum(stages),
  stageSinceMs: z.int(),
  notBeforeMs: z.int(),
  notAfterMs: z.int(),
};
const signer = { certificate: z.base64(), privateKey: z.base64() };

const x509Authority = z.strictObject({
  ...common,
  ...signer,
  intermediate: z.strictObject({ ...signer, notBeforeMs: z.int(), notAfterMs: z.int() }),
});

const jwtAuthority = z.strictObject({ ...common, privateKey: z.base64() });

const stateSchema = z.strictObject({
  schema: z.literal(1),
  sequence: z.int().min(1),
  x509: z.array(x509Authority).max(16),
  jwt: z.array(jwtAuthority).max(16),
});

/** A root with the intermediate that signs for it. Certificates are base64 of DER, keys base64 of PKCS#8. */
export type X509Authority = z.infer<typeof x509Authority>;
export type JwtKey = z.infer<typeof jwtAuthority>;

/**
 * All authorities of a trust domain: one value, so that each step of a rotation is one atomic write, and a crash leaves the
 * state before it or the state after it.
 */
export type AuthorityState = z.infer<typeof stateSchema>;

/** Reads stored state. Throws `identity.state-corrupt`. */
export function decodeState(bytes: Uint8Array): AuthorityState {
  try {
    return stateSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch {
    // What zod or JSON would say may quote a key.
    throw new IdentityError('identity.state-corrupt', 'the stored certificate authority cannot be read', {
      hint: 'restore the store from a backup',
    });
  }
}

export function encodeState(state: AuthorityState): Buffer {
  return Buffer.from(JSON.stringify(state), 'utf8');
}

interface Staged {
  readonly id: string;
  readonly stage: Stage;
  readonly stageSinceMs: number;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** The authority that signs; there is always one. */
export function activeOf<T extends Staged>(authorities: readonly T[]): T {
  const active = authorities.find(({ stage }) => stage === 'active');
  if (active === undefined) throw new IdentityError('identity.state-corrupt', 'no authority is active');
  return active;
}

/** Publishes `next`, which does not sign yet. Throws `identity.rotation-refused` where another one is prepared already. */
export function prepare<T extends Staged>(authorities: readonly T[], next: T): T[] {
  if (authorities.some(({ stage }) => stage === 'prepared'))
    throw refused('another authority is prepared already', 'activate it first');
  return [...authorities, next];
}

/** Lets the prepared authority sign, and retires the one that did. */
export function activate<T extends Staged>(authorities: readonly T[], nowMs: number): T[] {
  if (!authorities.some(({ stage }) => stage === 'prepared'))
    throw refused('no authority is prepared', 'prepare one first');
  const next = { active: 'retired', prepared: 'active', retired: 'retired', tainted: 'tainted' } as const;
  return authorities.map((authority) => staged(authority, next[authority.stage], nowMs));
}

/** Tells the holders of what `id` signed to renew now. */
export function taint<T extends Staged>(authorities: readonly T[], id: string, nowMs: number): T[] {
  if (authorities.find((authority) => authority.id === id)?.stage !== 'retired')
    throw refused('only a retired authority can be tainted', 'prepare and activate another one first');
  return authorities.map((authority) => (authority.id === id ? staged(authority, 'tainted', nowMs) : authority));
}

/** Removes `id` and its keys: what it signed is believed no more. */
export function revoke<T extends Staged>(authorities: readonly T[], id: string): T[] {
  if (authorities.find((authority) => authority.id === id)?.stage !== 'tainted')
    throw refused(
      'only a tainted authority can be revoked',
      'taint it first, and let the holders of its SVIDs renew them',
    );
  return authorities.filter((authority) => authority.id !== id);
}

function staged<T extends Staged>(authority: T, stage: Stage, nowMs: number): T {
  return stage === authority.stage ? authority : { ...authority, stage, stageSinceMs: nowMs };
}

function refused(message: string, hint: string): IdentityError {
  return new IdentityError('identity.rotation-refused', message, { hint });
}

/** The step of a rotation that time demands. */
export type DueStep =
  | { readonly step: 'prepare' | 'activate' }
  | { readonly step: 'taint' | 'revoke'; readonly id: string };

/** When a rotation goes on. */
export interface RotationPace {
  /** How long an authority is published before it signs. */
  readonly propagationMs: number;
  /** After so long nothing that a retired authority signed is still valid. */
  readonly drainMs: number;
}

/** What is due at `nowMs`, one step at a time: half of its life begins an authority's replacement. */
export function dueStep(authorities: readonly Staged[], nowMs: number, pace: RotationPace): DueStep | undefined {
  const tainted = authorities.find(({ stage }) => stage === 'tainted');
  if (tainted !== undefined && nowMs - tainted.stageSinceMs >= pace.drainMs) return { step: 'revoke', id: tainted.id };
  const retired = authorities.find(({ stage }) => stage === 'retired');
  if (retired !== undefined && nowMs - retired.stageSinceMs >= pace.drainMs) return { step: 'taint', id: retired.id };
  const active = activeOf(authorities);
  const prepared = authorities.find(({ stage }) => stage === 'prepared');
  if (prepared === undefined) return isHalfOver(active, nowMs) ? { step: 'prepare' } : undefined;
  const isKnown = nowMs - prepared.stageSinceMs >= pace.propagationMs;
  return isKnown || active.notAfterMs <= nowMs ? { step: 'activate' } : undefined;
}

/** Whether half of a life is past. */
export function isHalfOver(
  { notBeforeMs, notAfterMs }: { notBeforeMs: number; notAfterMs: number },
  nowMs: number,
): boolean {
  return nowMs - notBeforeMs >= (notAfterMs - notBeforeMs) / 2;
}
