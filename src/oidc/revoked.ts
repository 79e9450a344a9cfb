import type { RevokedSubject } from '../api/authn.ts';
import type { Clock } from '../core/clock.ts';
import type { Store } from '../storage/index.ts';
import { decodeRecord, encodeRecord, keyPart, walkEntries } from './records.ts';

const prefix = 'oidc/revoked/';

export interface RevokedOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly issuer: string;
  /** How long a token that is out there may still be good, in seconds. The entry is needed no longer. */
  readonly tokenSeconds: number;
}

/** Remembers that no token that `subject` holds at this moment counts any more. */
export async function recordRevoked(
  subject: string,
  { store, clock, issuer, tokenSeconds }: RevokedOptions,
): Promise<void> {
  const issuedBeforeMs = clock.now();
  const record: RevokedSubject = { issuer, subject, issuedBeforeMs };
  await store.write([
    { put: prefix + keyPart(subject), value: encodeRecord(record), expiresAtMs: issuedBeforeMs + tokenSeconds * 1000 },
  ]);
}

/** Everyone whose tokens were revoked and may not have expired yet. */
export async function listRevoked(store: Store): Promise<readonly RevokedSubject[]> {
  const revoked: RevokedSubject[] = [];
  for await (const entry of walkEntries(store, prefix)) revoked.push(decodeRecord<RevokedSubject>(entry));
  return revoked;
}
