import type { AuditEvent } from '../api/record.ts';

/** A root key, and what must be stored to get it again. */
export interface KeptRootKey {
  /** 32 bytes. */
  readonly rootKey: Uint8Array;
  /** Stored beside the keyring, and given back to `recover`: a key service's ciphertext, say. Not secret. */
  readonly kept: Uint8Array;
}

/** Who keeps the root key: a file of this host, a key management service, people who hold shares of it. */
export interface KeyProvider {
  /** For status and logs: `file`. */
  readonly name: string;
  /** Makes a root key, and keeps it durably before it resolves. */
  create(): Promise<KeptRootKey>;
  /** The root key that `create` made. Throws `secrets.key-missing` where it is not there. */
  recover(kept: Uint8Array): Promise<Uint8Array>;
}

/** What the audit is told of: everything but the id and the time, which it gives itself. */
export type AccessEvent = Omit<AuditEvent, 'kind' | 'id' | 'timeMs'>;

/**
 * Records an access. Unlike other events these are waited for: while it throws or rejects, the secrets store
 * gives out nothing and changes nothing.
 */
export type RecordAccess = (event: AccessEvent) => Promise<void> | void;

/** What a workload may read: the paths of its manifest's `secrets`. */
export interface ServiceRole {
  /** The service's name in the manifest. */
  readonly service: string;
  /** Paths within the mount `secret/`: `orders/db`. */
  readonly paths: readonly string[];
}

/** The role of a workload, or undefined where it has none. Asked at each use, so that a new manifest counts at once. */
export type FindServiceRole = (spiffeId: string) => ServiceRole | undefined;

/** Verifies the DER certificates with which a peer completed a TLS handshake; gives its SPIFFE ID, or throws. */
export type VerifySvid = (chain: readonly Uint8Array[]) => Promise<string> | string;
