import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import type { Weaknesses } from '../api/protections.ts';
import type { AuditEvent, EmitEvent } from '../api/record.ts';
import { createEd25519Signer, createLedger, formatVerifierKey, type Ledger } from '../audit/control.ts';
import type { IssueSvid } from '../control/index.ts';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import { writeFileAtomic } from '../core/files.ts';
import { uuidV7 } from '../core/ids.ts';
import type { Lifecycle } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import { type CertificateWithKey, mintDevelopmentCa } from '../crypto/index.ts';
import { type Authority, createAuthority } from '../identity/control.ts';
import { createBarrier, createSecrets, fileKeyProvider, type Secrets, type ServiceRole } from '../secrets/index.ts';
import { openSqliteStore, type Store } from '../storage/index.ts';
import type { StateLayout } from './state.ts';

/** What everything else in control stands on. */
export interface Foundation {
  /** Encrypts what it is given before it reaches the disk. */
  readonly store: Store;
  readonly ledger: Ledger;
  /** Key with which the ledger's checkpoints are verified, as C2SP writes it. */
  readonly ledgerKey: string;
  readonly emit: EmitEvent;
  readonly authority: Authority;
  readonly issueSvid: IssueSvid;
  /** The authority of certificates for people's browsers and clients on this machine. */
  readonly developmentCa: CertificateWithKey;
  readonly secrets: Secrets;
  /** Called after a secret was written or deleted. */
  readonly onSecretChange: (listener: () => void) => void;
  /** Which paths each workload may read; replaced with each manifest. */
  readonly secretRoles: Map<string, ServiceRole>;
}

/** Where and for whom. */
export interface FoundationOptions {
  readonly layout: StateLayout;
  readonly clock: Clock;
  readonly log: Logger;
  readonly trustDomain: string;
  readonly weaknesses: Weaknesses;
}

/** Opens store, barrier, ledger and authority, making each on first use. What was opened is stopped by `lifecycle`. */
export async function openFoundation(options: FoundationOptions, lifecycle: Lifecycle): Promise<Foundation> {
  const { layout, clock, log, trustDomain } = options;
  const disk = lifecycle.add(await openSqliteStore({ path: layout.store, clock }));
  const barrier = lifecycle.add(createBarrier({ store: disk, clock }));
  await barrier.open(fileKeyProvider(layout.unsealKey));
  const { store } = barrier;
  const origin = `${trustDomain}/ledger`;
  const signer = createEd25519Signer(await keptSigningKey(store));
  const ledger = lifecycle.add(
    await createLedger({
      folder: layout.ledger,
      clock,
      origin,
      signingKey: signer,
      onError: (error) => log.error({ error: messageOf(error) }, 'a ledger checkpoint could not be written'),
    }),
  );
  const emit = createEmit(ledger, clock, log);
  const authority = await createAuthority({ store, clock, emit, trustDomain });
  const developmentCa = await keptDevelopmentCa(store, clock);
  writeFileAtomic(layout.caFile, developmentCa.certificatePem, 0o644);
  const listeners: (() => void)[] = [];
  const secretRoles = new Map<string, ServiceRole>();
  const secrets = createSecrets({
    store,
    clock,
    weaknesses: options.weaknesses,
    emit: async (event) => {
      await ledger.append([eventOf(event, clock.now())]);
      if (event.outcome === 'success' && secretChanges.has(event.action)) for (const listener of listeners) listener();
    },
    findServiceRole: (spiffeId) => secretRoles.get(spiffeId),
    sealState: () => barrier.status(),
  });
  return {
    store,
    ledger,
    ledgerKey: formatVerifierKey({ name: origin, publicKey: signer.publicKey }),
    emit,
    authority,
    issueSvid: issueWith(authority),
    developmentCa,
    secrets,
    secretRoles,
    onSecretChange: (listener) => void listeners.push(listener),
  };
}

function issueWith(authority: Authority): IssueSvid {
  return async ({ spiffeId, publicKey, proof, nonce }) => {
    const { chain, notBeforeMs, notAfterMs } = await authority.issueX509Svid({
      spiffeId,
      publicKey,
      proof: { nonce, signature: proof },
    });
    return { chain, notBeforeMs, notAfterMs };
  };
}

function createEmit(ledger: Ledger, clock: Clock, log: Logger): EmitEvent {
  return (event) => {
    const record = eventOf(event, clock.now());
    ledger
      .append([record])
      .catch((error: unknown) =>
        log.error({ action: event.action, error: messageOf(error) }, 'an event could not be kept'),
      );
  };
}

/** Actions after which a service may have to get new values. */
const secretChanges = new Set([
  'secret.write',
  'secret.delete',
  'secret.undelete',
  'secret.destroy',
  'secret.metadata.delete',
]);

function eventOf(event: Omit<AuditEvent, 'kind' | 'id' | 'timeMs'>, nowMs: number): AuditEvent {
  return { ...event, kind: 'event', id: uuidV7(nowMs), timeMs: nowMs };
}

const signingKeyAt = 'audit/signing-key';
const developmentCaAt = 'crypto/development-ca';

async function keptSigningKey(store: Store): Promise<ReturnType<typeof createPrivateKey>> {
  const kept = await store.get(signingKeyAt);
  if (kept !== undefined) return createPrivateKey({ key: Buffer.from(kept.value), format: 'der', type: 'pkcs8' });
  const { privateKey } = generateKeyPairSync('ed25519');
  await store.write([{ put: signingKeyAt, value: privateKey.export({ type: 'pkcs8', format: 'der' }), if: 'absent' }]);
  return privateKey;
}

async function keptDevelopmentCa(store: Store, clock: Clock): Promise<CertificateWithKey> {
  const kept = await store.get(developmentCaAt);
  if (kept !== undefined) {
    const ca = JSON.parse(Buffer.from(kept.value).toString()) as CertificateWithKey;
    if (ca.notAfterMs > clock.now() + 90 * 86_400_000) return ca;
  }
  const fresh = mintDevelopmentCa(clock.now());
  await store.write([{ put: developmentCaAt, value: Buffer.from(JSON.stringify(fresh)) }]);
  return fresh;
}
