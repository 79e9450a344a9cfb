// Proofs about a ledger that anyone can check with its public key alone.

import { type Checkpoint, openCheckpoint } from './checkpoint.ts';
import { AuditError } from './errors.ts';
import { type Hash, hashBytes, hashLeaf, verifyConsistencyPath, verifyInclusionPath } from './merkle.ts';
import { type Line, tryParseLine } from './segment.ts';

/** Shows that one record is in the ledger at a checkpoint. JSON as it stands. */
export interface InclusionProof {
  /** The record's line, exactly as stored. */
  readonly line: string;
  readonly index: number;
  /** Audit path, base64 hashes, from the leaf upwards (RFC 6962, section 2.1.1). */
  readonly path: readonly string[];
  /** The signed checkpoint. */
  readonly checkpoint: string;
}

/** Shows that the ledger at one checkpoint is the beginning of the ledger at another. */
export interface ConsistencyProof {
  /** The size of the older ledger. */
  readonly oldSize: number;
  /** Base64 hashes (RFC 6962, section 2.1.2). */
  readonly path: readonly string[];
  /** The newer signed checkpoint. */
  readonly checkpoint: string;
}

function decodePath(path: readonly string[]): Hash[] {
  const hashes = path.map((text) => Buffer.from(text, 'base64'));
  if (hashes.length > 128 || hashes.some(({ length }) => length !== hashBytes)) {
    throw new AuditError({ code: 'ledger.note-invalid', message: 'the proof is not well-formed' });
  }
  return hashes;
}

/**
 * The line that `proof` shows to be in the ledger of `publicKey`. `origin`: which ledger, where that is known.
 * Throws `ledger.note-invalid`, `ledger.proof-invalid`.
 */
export function verifyInclusion(proof: InclusionProof, publicKey: Uint8Array, origin?: string): Line {
  const { size, root } = openCheckpoint(proof.checkpoint, publicKey, origin);
  const bytes = Buffer.from(proof.line);
  const line = tryParseLine(bytes);
  const holds = verifyInclusionPath(proof.index, size, hashLeaf(bytes), decodePath(proof.path), root);
  if (holds && line?.index === proof.index) return line;
  throw new AuditError({
    code: 'ledger.proof-invalid',
    message: `the record is not leaf ${proof.index} of the ledger`,
  });
}

/**
 * The newer checkpoint of `proof`, shown to extend the ledger at `older`, a checkpoint that the caller has kept and trusts.
 * Throws `ledger.note-invalid`, `ledger.proof-invalid`.
 */
export function verifyConsistency(proof: ConsistencyProof, older: Checkpoint, publicKey: Uint8Array): Checkpoint {
  const newer = openCheckpoint(proof.checkpoint, publicKey, older.origin);
  const heads = { oldSize: older.size, oldRoot: older.root, newSize: newer.size, newRoot: newer.root };
  if (proof.oldSize === older.size && verifyConsistencyPath({ ...heads, path: decodePath(proof.path) })) return newer;
  throw new AuditError({
    code: 'ledger.proof-invalid',
    message: `the ledger at size ${newer.size} does not extend the ledger at size ${older.size}`,
  });
}
