import { openCheckpoint } from './checkpoint.ts';
import type { Derived } from './derived.ts';
import { AuditError } from './errors.ts';
import { consistencyPath, type Hash, inclusionPath } from './merkle.ts';
import type { ConsistencyProof, InclusionProof } from './proof.ts';

const encodePath = (path: readonly Hash[]): string[] => path.map((hash) => hash.toString('base64'));

/** What is to be proven: that leaf `index`, whose bytes are `line`, is in the tree of the signed `checkpoint`. */
export interface InclusionRequest extends Pick<InclusionProof, 'index' | 'line' | 'checkpoint'> {
  readonly publicKey: Uint8Array;
}

/** The proof of `request`. */
export function proveInclusion({ tiles }: Derived, request: InclusionRequest): InclusionProof {
  const { index, line, checkpoint, publicKey } = request;
  const { size } = openCheckpoint(checkpoint, publicKey);
  return { line, index, path: encodePath(inclusionPath(index, size, tiles.rangeHash)), checkpoint };
}

/** The proof that the tree of the signed `checkpoint` extends the tree of the first `oldSize` leaves. */
export function proveConsistency(
  { tiles }: Derived,
  oldSize: number,
  checkpoint: string,
  publicKey: Uint8Array,
): ConsistencyProof {
  const { size } = openCheckpoint(checkpoint, publicKey);
  if (!Number.isSafeInteger(oldSize) || oldSize < 0 || oldSize > size) {
    throw new AuditError({
      code: 'ledger.not-found',
      message: `the ledger has ${size} signed records, not \`${oldSize}\``,
    });
  }
  return { oldSize, path: encodePath(consistencyPath(oldSize, size, tiles.rangeHash)), checkpoint };
}
