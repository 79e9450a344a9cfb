import { createPublicKey } from 'node:crypto';
import type { JwtAuthority, TrustBundle } from '../api/identity.ts';
import type { AuditEvent, EmitEvent, Principal } from '../api/record.ts';
import type { Clock } from '../core/clock.ts';
import { MerlonError } from '../core/errors.ts';
import { exportJwk } from '../crypto/control.ts';
import { exportPublicKey, importPrivateKey } from '../crypto/index.ts';
import type { Store } from '../storage/index.ts';
import { openAuthorityBook } from './authority-book.ts';
import {
  type AuthorityKind,
  type AuthorityState,
  activeOf,
  isHalfOver,
  type JwtKey,
  type Stage,
} from './authority-state.ts';
import { formatBundlePem } from './bundle.ts';
import { formatBundleJwks } from './bundle-document.ts';
import { defaultLifetimes, type Lifetimes, refreshHintSeconds } from './config.ts';
import {
  issueJwtSvid,
  issueX509Svid,
  type JwtSvid,
  type JwtSvidRequest,
  type X509Svid,
  type X509SvidRequest,
} from './issuance.ts';
import { createRotation, firstState, type Rotation } from './rotation.ts';
import { checkTrustDomain, roleSpiffeId } from './spiffe-id.ts';

/** What an authority works with. */
export interface AuthorityOptions {
  /** Keeps the private keys: what it is given must encrypt them. */
  readonly store: Store;
  readonly clock: Clock;
  readonly emit: EmitEvent;
  readonly trustDomain: string;
  readonly lifetimes?: Partial<Lifetimes>;
}

/** A bundle in every form in which it is asked for. */
export interface PublishedBundle extends TrustBundle {
  /** The roots, PEM. */
  readonly pem: string;
  /** The SPIFFE bundle document. */
  readonly jwks: object;
}

/** One authority, without its keys. */
export interface AuthorityFacts {
  readonly kind: AuthorityKind;
  /** Key identifier (x509, hex) or `kid` (jwt). */
  readonly id: string;
  readonly stage: Stage;
  readonly stageSinceMs: number;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Life of the intermediate that signs for it. */
  readonly intermediate?: { readonly notBeforeMs: number; readonly notAfterMs: number };
}

/** The certificate authority of a trust domain. */
export interface Authority extends Rotation {
  issueX509Svid(request: X509SvidRequest): Promise<X509Svid>;
  issueJwtSvid(request: JwtSvidRequest): Promise<JwtSvid>;
  bundle(): Promise<PublishedBundle>;
  /** Every authority that is not revoked. */
  authorities(): Promise<readonly AuthorityFacts[]>;
}

/**
 * Opens the authority of `trustDomain`, making it on first use, and takes the steps of rotation that are due. Several
 * processes may open the same one. Throws `identity.invalid-trust-domain`, `identity.state-corrupt`, `storage.*`.
 */
export async function createAuthority(options: AuthorityOptions): Promise<Authority> {
  const { clock, emit, trustDomain, store } = options;
  checkTrustDomain(trustDomain);
  const lifetimes = { ...defaultLifetimes, ...options.lifetimes };
  const book = openAuthorityBook(store, trustDomain, () => firstState({ clock, trustDomain, lifetimes }));
  const rotation = createRotation({ book, clock, emit, trustDomain, lifetimes });
  const self: Principal = { kind: 'workload', id: roleSpiffeId(trustDomain, 'control') };

  // Whoever issues takes the steps that are due first, so that issuing never depends on someone else's timer.
  const current = async (): Promise<AuthorityState> => {
    const { state } = await book.read();
    if (!isHalfOver(activeOf(state.x509).intermediate, clock.now())) return state;
    await rotation.maintain();
    return (await book.read()).state;
  };
  const report = (
    request: { spiffeId: string; actor?: Principal },
    outcome: AuditEvent['outcome'],
    detail: NonNullable<AuditEvent['detail']>,
  ) =>
    emit({
      actor: request.actor ?? self,
      action: 'svid.issue',
      target: request.spiffeId.slice(0, 2048),
      outcome,
      detail,
    });
  const issuing = async <T>(
    kind: AuthorityKind,
    request: JwtSvidRequest | X509SvidRequest,
    issue: (state: AuthorityState) => T | Promise<T>,
  ): Promise<T> => {
    try {
      return await issue(await current());
    } catch (error) {
      report(request, 'failure', { kind, code: error instanceof MerlonError ? error.code : 'internal' });
      throw error;
    }
  };

  await book.read();
  await rotation.maintain();
  return {
    ...rotation,
    issueX509Svid: (request) =>
      issuing('x509', request, (state) => {
        const svid = issueX509Svid(state, request, { trustDomain, lifetimes, nowMs: clock.now() });
        const flaw = request.notAfterMs === undefined ? {} : { flaw: 'expired' };
        report(request, 'success', {
          kind: 'x509',
          authority: activeOf(state.x509).id,
          notAfterMs: svid.notAfterMs,
          ...flaw,
        });
        return svid;
      }),
    issueJwtSvid: (request) =>
      issuing('jwt', request, async (state) => {
        const svid = await issueJwtSvid(state, request, { trustDomain, lifetimes, nowMs: clock.now() });
        report(request, 'success', { kind: 'jwt', authority: activeOf(state.jwt).id, notAfterMs: svid.expiresAtMs });
        return svid;
      }),
    bundle: async () => publish(trustDomain, (await book.read()).state),
    authorities: async () => factsOf((await book.read()).state),
  };
}

async function publish(trustDomain: string, { sequence, x509, jwt }: AuthorityState): Promise<PublishedBundle> {
  const bundle: TrustBundle = {
    trustDomain,
    sequence,
    refreshHintSeconds,
    x509Authorities: x509.map(({ certificate }) => certificate),
    jwtAuthorities: await Promise.all(jwt.map(publicHalf)),
    tainted: [...x509, ...jwt].filter(({ stage }) => stage === 'tainted').map(({ id }) => id),
  };
  return { ...bundle, pem: formatBundlePem(bundle), jwks: await formatBundleJwks(bundle) };
}

async function publicHalf({ id, privateKey }: JwtKey): Promise<JwtAuthority> {
  const key = createPublicKey(importPrivateKey(Buffer.from(privateKey, 'base64')));
  return { ...((await exportJwk(exportPublicKey(key))) as Omit<JwtAuthority, 'kid'>), kid: id };
}

function factsOf({ x509, jwt }: AuthorityState): AuthorityFacts[] {
  return [
    ...x509.map(({ certificate: _, privateKey: __, intermediate, ...facts }) => ({
      ...facts,
      kind: 'x509' as const,
      intermediate: { notBeforeMs: intermediate.notBeforeMs, notAfterMs: intermediate.notAfterMs },
    })),
    ...jwt.map(({ privateKey: _, ...facts }) => ({ ...facts, kind: 'jwt' as const })),
  ];
}
