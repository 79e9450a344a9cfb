import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createEd25519Signer, openCheckpoint, signCheckpoint } from './checkpoint.ts';
import { hashLeaf } from './merkle.ts';
import { formatVerifierKey, openNote, parseVerifierKey, signNote } from './note.ts';

const signer = createEd25519Signer(generateKeyPairSync('ed25519').privateKey);
const key = { name: 'shop.example/ledger', publicKey: signer.publicKey };
const head = { origin: key.name, size: 5, root: hashLeaf(Buffer.from('x')) };

test('a key that the Go checksum database publishes is read, and written as it was', () => {
  const published = 'sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8';
  expect(formatVerifierKey(parseVerifierKey(published))).toBe(published);
  expect(() => parseVerifierKey(published.replace('033', '034'))).toThrow('verifier key');
});

test('a note opens with the key that signed it, also beside signatures of others, and with no other', async () => {
  const note = await signNote('one\n\ntwo\n', key.name, signer);
  expect(openNote(note, key)).toBe('one\n\ntwo\n');
  const other = await signNote(
    'one\n\ntwo\n',
    'witness.example',
    createEd25519Signer(generateKeyPairSync('ed25519').privateKey),
  );
  const both = note + other.slice(other.lastIndexOf('—'));
  expect(openNote(both, key)).toBe('one\n\ntwo\n');
  expect(() => openNote(both, { ...key, name: 'someone.else' })).toThrow('not signed by');
  expect(() => openNote(note.replace('two', 'six'), key)).toThrow('not signed by');
});

describe('what is no note is refused', () => {
  test.each([
    '',
    '\n\n',
    'text\n',
    'text\n\n',
    'text\n\nrubbish\n',
    'text\n\n— name\n',
    'te\u0007xt\n\n— a AAAA\n',
    'a\n\n— a AAAA',
  ])('%j', (note) => expect(() => openNote(note, key)).toThrow());
});

test('a checkpoint has the three lines of the format, and is read back', async () => {
  const note = await signCheckpoint(head, signer);
  expect(note).toMatch(
    /^shop\.example\/ledger\n5\n[A-Za-z0-9+/]{43}=\n\n— shop\.example\/ledger [A-Za-z0-9+/]{91}=\n$/,
  );
  expect(openCheckpoint(note, signer.publicKey)).toEqual(head);
  expect(() => openCheckpoint(note, signer.publicKey, 'other.example')).toThrow('not signed');
});

test('a signed note that is no checkpoint is refused', async () => {
  const root = head.root.toString('base64');
  for (const text of [
    `${key.name}\n05\n${root}\n`,
    `${key.name}\n5\nAAAA\n`,
    `${key.name}\n5\n`,
    `${key.name}\n-1\n${root}\n`,
  ]) {
    const note = await signNote(text, key.name, signer);
    expect(() => openCheckpoint(note, signer.publicKey)).toThrow('not a checkpoint');
  }
});
