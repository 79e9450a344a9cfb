import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkPrivate, ensurePrivateFolder, tryReadPrivateText, tryReadText, writeFileAtomic } from './files.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'merlon-files-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

describe('writeFileAtomic', () => {
  test('writes a private file, and replaces it whole', () => {
    const path = join(folder, 'key');
    writeFileAtomic(path, 'first and longer');
    writeFileAtomic(path, 'second');
    expect([readFileSync(path, 'utf8'), modeOf(path)]).toEqual(['second', '600']);
    writeFileAtomic(path, new Uint8Array([0, 255]), 0o644);
    expect([[...readFileSync(path)], modeOf(path)]).toEqual([[0, 255], '644']);
  });

  test('leaves nothing else behind', () => {
    for (let turn = 0; turn < 20; turn++) writeFileAtomic(join(folder, 'a'), String(turn));
    expect(readdirSync(folder)).toEqual(['a']);
  });

  test('takes the place of a link, and does not write through it', () => {
    const [target, link] = [join(folder, 'target'), join(folder, 'link')];
    writeFileSync(target, 'not ours');
    symlinkSync(target, link);
    writeFileAtomic(link, 'secret');
    expect([readFileSync(target, 'utf8'), readFileSync(link, 'utf8')]).toEqual(['not ours', 'secret']);
  });

  test('says which file could not be written, and keeps the old one', () => {
    expect(() => writeFileAtomic(join(folder, 'missing', 'a'), 'x')).toThrow(
      expect.objectContaining({
        code: 'state.unwritable',
        message: expect.stringContaining(join(folder, 'missing', 'a')),
      }),
    );
    const taken = join(folder, 'taken');
    mkdirSync(taken);
    expect(() => writeFileAtomic(taken, 'x')).toThrow(expect.objectContaining({ code: 'state.unwritable' }));
    expect(statSync(taken).isDirectory()).toBe(true);
  });

  test('leaves no part of a write that failed', () => {
    const taken = join(folder, 'taken');
    mkdirSync(taken);
    expect(() => writeFileAtomic(taken, 'secret')).toThrow();
    expect(readdirSync(folder)).toEqual(['taken']);
  });
});

describe('private folders and files', () => {
  test('a folder is made with its parents, for its owner alone', () => {
    const path = join(folder, 'a', 'b');
    ensurePrivateFolder(path);
    ensurePrivateFolder(path);
    expect([modeOf(join(folder, 'a')), modeOf(path)]).toEqual(['700', '700']);
  });

  test.each([0o750, 0o705, 0o770, 0o707, 0o777])('a folder of mode %o is refused', (mode) => {
    const path = join(folder, 'open');
    ensurePrivateFolder(path);
    chmodSync(path, mode);
    expect(() => ensurePrivateFolder(path)).toThrow(
      expect.objectContaining({ code: 'state.permissions', hint: `chmod 700 ${path}` }),
    );
  });

  test('a folder that cannot be made is told as such', () => {
    const path = join(folder, 'file');
    writeFileSync(path, '');
    expect(() => ensurePrivateFolder(join(path, 'below'))).toThrow(
      expect.objectContaining({ code: 'state.unwritable' }),
    );
  });

  test('a key that others may read is refused, and its content is in no message', () => {
    const path = join(folder, 'key');
    writeFileSync(path, 'hunter2', { mode: 0o600 });
    expect(tryReadPrivateText(path)).toBe('hunter2');
    chmodSync(path, 0o640);
    expect(() => tryReadPrivateText(path)).toThrow(
      expect.objectContaining({
        code: 'state.permissions',
        message: expect.not.stringContaining('hunter2'),
        hint: `chmod 600 ${path}`,
      }),
    );
    expect(() => checkPrivate(path)).toThrow(expect.objectContaining({ code: 'state.permissions' }));
  });

  test.runIf(process.getuid?.() === 0)('what belongs to another user is refused', async () => {
    const { chownSync } = await import('node:fs');
    const path = join(folder, 'theirs');
    writeFileSync(path, '', { mode: 0o600 });
    chownSync(path, 12_345, 12_345);
    expect(() => checkPrivate(path)).toThrow(
      expect.objectContaining({ code: 'state.permissions', message: expect.stringContaining('12345') }),
    );
  });

  test('a file that is not there is undefined; one that cannot be read is an error', () => {
    expect(tryReadText(join(folder, 'nothing'))).toBeUndefined();
    expect(tryReadPrivateText(join(folder, 'nothing'))).toBeUndefined();
    expect(() => tryReadText(folder)).toThrow('EISDIR');
  });
});
