import type { RevokedSubject, RevokedToken } from '../api/authn.ts';
import type { Clock } from '../core/clock.ts';
import type { Store } from '../storage/index.ts';
import { decodeRecord, encodeRecord, keyPart, walkEntries } from './records.ts';

const subjectPrefix = 'oidc/revoked/subject/';
const tokenPrefix = 'oidc/revoked/token/';

export interface RevocationsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly issuer: string;
  /** How long a token that is out there may still be good, in seconds; after that its entry is needed no longer. */
  readonly tokenSeconds: number;
}

/** Tokens that were disowned before they expired. The gateway refuses them. */
export interface Revocations {
  /** From now on no token counts that `subject` holds at this moment. */
  addSubject(subject: string): Promise<void>;
  /** From now on the token with this id does not count. */
  addToken(jti: string): Promise<void>;
  subjects(): Promise<readonly RevokedSubject[]>;
  tokens(): Promise<readonly RevokedToken[]>;
}

/** The revocations in `store`, which forgets each when it is of no more use. */
export function createRevocations({ store, clock, issuer, tokenSeconds }: RevocationsOptions): Revocations {
  const expiry = (): number => clock.now() + tokenSeconds * 1000;
  const add = (key: string, record: RevokedSubject | RevokedToken): Promise<void> =>
    store.write([{ put: key, value: encodeRecord(record), expiresAtMs: expiry() }]);
  return {
    addSubject: (subject) => add(subjectPrefix + keyPart(subject), { issuer, subject, issuedBeforeMs: clock.now() }),
    addToken: (jti) => add(tokenPrefix + keyPart(jti), { issuer, jti, expiresAtMs: expiry() }),
    subjects: () => readAll<RevokedSubject>(store, subjectPrefix),
    tokens: () => readAll<RevokedToken>(store, tokenPrefix),
  };
}

async function readAll<T>(store: Store, prefix: string): Promise<readonly T[]> {
  const records: T[] = [];
  for await (const entry of walkEntries(store, prefix)) records.push(decodeRecord<T>(entry));
  return records;
}
