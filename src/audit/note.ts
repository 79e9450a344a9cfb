// Signed notes (https://c2sp.org/signed-note) with Ed25519 signatures, type 0x01.

import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto';
import { AuditError } from './errors.ts';
import type { LedgerSigner } from './ports.ts';

const ed25519Type = 0x01;
const maxNoteBytes = 1 << 20;
const maxSignatures = 64;
const signatureLine = /^— ([^\s+]{1,255}) ([A-Za-z0-9+/]{1,16384}={0,2})$/;
const keyName = /^[^\s+\p{Cc}]{1,255}$/u;

/** A key that may sign notes: its name, and its raw 32 bytes. */
export interface VerifierKey {
  readonly name: string;
  readonly publicKey: Uint8Array;
}

function noteError(message: string): AuditError {
  return new AuditError({ code: 'ledger.note-invalid', message });
}

/** Throws `ledger.note-invalid` where `name` is no key name: empty, with a space, a plus sign or a control character. */
export function checkKeyName(name: string): void {
  if (!keyName.test(name)) throw noteError(`\`${name}\` is not a key name: no spaces, no plus sign`);
}

function keyId({ name, publicKey }: VerifierKey): Buffer {
  const bytes = Buffer.concat([Buffer.from(`${name}\n`), Buffer.from([ed25519Type]), publicKey]);
  return hash('sha256', bytes, 'buffer').subarray(0, 4);
}

/** The text form of a verifier key: `<name>+<key id>+<base64 of type and key>`, as other tools for notes read it. */
export function formatVerifierKey(key: VerifierKey): string {
  checkKeyName(key.name);
  const encoded = Buffer.concat([Buffer.from([ed25519Type]), key.publicKey]).toString('base64');
  return `${key.name}+${keyId(key).toString('hex')}+${encoded}`;
}

/** Inverse of `formatVerifierKey`. Throws `ledger.note-invalid`. */
export function parseVerifierKey(text: string): VerifierKey {
  const [, name, id, encoded] = /^([^\s+]{1,255})\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})$/.exec(text.trim()) ?? [];
  const bytes = Buffer.from(encoded ?? '', 'base64');
  const key = { name: name ?? '', publicKey: bytes.subarray(1) };
  if (bytes.length !== 33 || bytes[0] !== ed25519Type || keyId(key).toString('hex') !== id) {
    throw noteError('this is not an Ed25519 verifier key');
  }
  return key;
}

/** `text` (which ends in a newline) as a note with one signature by `signer` under `name`. */
export async function signNote(text: string, name: string, signer: LedgerSigner): Promise<string> {
  checkKeyName(name);
  const signature = await signer.sign(Buffer.from(text));
  const blob = Buffer.concat([keyId({ name, publicKey: signer.publicKey }), signature]);
  return `${text}\n— ${name} ${blob.toString('base64')}\n`;
}

function toKeyObject(publicKey: Uint8Array): KeyObject {
  const x = Buffer.from(publicKey).toString('base64url');
  return createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } });
}

function splitNote(note: string): { readonly text: string; readonly signatures: readonly string[] } {
  const at = note.lastIndexOf('\n\n');
  const signatures = note.slice(at + 2).split('\n');
  const wellFormed = at >= 0 && note.length <= maxNoteBytes && signatures.pop() === '' && signatures.length > 0;
  if (!wellFormed || signatures.length > maxSignatures || /[^\P{Cc}\n]/u.test(note)) {
    throw noteError('this is not a signed note');
  }
  return { text: note.slice(0, at + 1), signatures };
}

/**
 * The text of `note`, once a signature of `key` on it has verified; other keys' signatures are passed over. Throws
 * `ledger.note-invalid` where it is no note, `ledger.proof-invalid` where the key has not signed it or its signature is wrong.
 */
export function openNote(note: string, key: VerifierKey): string {
  const { text, signatures } = splitNote(note);
  const id = keyId(key);
  const publicKey = toKeyObject(key.publicKey);
  let verified = false;
  for (const line of signatures) {
    const [, name, encoded] = signatureLine.exec(line) ?? [];
    if (name === undefined || encoded === undefined) throw noteError('this is not a signed note');
    const blob = Buffer.from(encoded, 'base64');
    if (name !== key.name || !blob.subarray(0, 4).equals(id)) continue;
    verified = verify(null, Buffer.from(text), publicKey, blob.subarray(4));
    if (!verified) break;
  }
  if (!verified)
    throw new AuditError({ code: 'ledger.proof-invalid', message: `the note is not signed by \`${key.name}\`` });
  return text;
}
