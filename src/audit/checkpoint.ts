// Checkpoints of a transparency log (https://c2sp.org/tlog-checkpoint): a signed note of origin, size and root.

import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { AuditError } from './errors.ts';
import { type Hash, hashBytes } from './merkle.ts';
import { openNote, signNote } from './note.ts';
import type { LedgerSigner } from './ports.ts';

/** The head of a ledger at one size. */
export interface Checkpoint {
  /** Which ledger: a schema-less URL such as `shop.example/ledger`. It is also the name of the signing key. */
  readonly origin: string;
  /** How many records the ledger held. */
  readonly size: number;
  readonly root: Hash;
}

/** Signs a checkpoint; gives the note. */
export function signCheckpoint({ origin, size, root }: Checkpoint, signer: LedgerSigner): Promise<string> {
  return signNote(`${origin}\n${size}\n${root.toString('base64')}\n`, origin, signer);
}

const decimal = /^(0|[1-9][0-9]{0,15})$/;

/** The origin that a checkpoint claims, unverified: to find the key for it. */
export function claimedOrigin(note: string): string {
  return note.slice(0, note.indexOf('\n'));
}

function parseCheckpointText(text: string): Checkpoint {
  const [origin, size, root, ...rest] = text.slice(0, -1).split('\n');
  const hash = Buffer.from(root ?? '', 'base64');
  const canonical = hash.length === hashBytes && hash.toString('base64') === root;
  if (!origin || size === undefined || !decimal.test(size) || !canonical || rest.includes('')) {
    throw new AuditError({ code: 'ledger.note-invalid', message: 'the note is not a checkpoint' });
  }
  return { origin, size: Number(size), root: hash };
}

/**
 * The checkpoint in `note`, verified. `origin`: which ledger it must be of, where that is known.
 * Throws `ledger.note-invalid`, `ledger.proof-invalid`.
 */
export function openCheckpoint(note: string, publicKey: Uint8Array, origin = claimedOrigin(note)): Checkpoint {
  const checkpoint = parseCheckpointText(openNote(note, { name: origin, publicKey }));
  if (checkpoint.origin === origin) return checkpoint;
  throw new AuditError({
    code: 'ledger.proof-invalid',
    message: `the checkpoint is of \`${checkpoint.origin}\`, not of \`${origin}\``,
  });
}

/** The raw 32 bytes of an Ed25519 public key. */
export function rawPublicKey(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url');
}

/** A signer that holds its Ed25519 private key (KeyObject or PKCS #8 PEM) in this process. */
export function createEd25519Signer(key: KeyObject | string): LedgerSigner {
  const privateKey = typeof key === 'string' ? createPrivateKey(key) : key;
  if (privateKey.asymmetricKeyType !== 'ed25519') {
    throw new AuditError({ code: 'ledger.note-invalid', message: 'the ledger is signed with an Ed25519 key' });
  }
  return {
    publicKey: rawPublicKey(createPublicKey(privateKey)),
    sign: (message) => sign(null, message, privateKey),
  };
}
