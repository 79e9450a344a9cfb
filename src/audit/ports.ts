/** Who signs the ledger's checkpoints: an Ed25519 key, here or in a key service. */
export interface LedgerSigner {
  /** The raw public key, 32 bytes (RFC 8032). */
  readonly publicKey: Uint8Array;
  /** The 64-byte Ed25519 signature of `message`. */
  sign(message: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

/** A file that the ledger appends to. A test puts a failing disk here. */
export interface AppendFile {
  /** Writes all of `bytes` at `position`, or throws; part of it may then be there. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Returns when everything written is on the medium. */
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

/** Opens `path` for appending, making it where it is missing. */
export type OpenAppendFile = (path: string) => Promise<AppendFile>;
