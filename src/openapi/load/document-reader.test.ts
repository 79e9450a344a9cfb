import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createDocumentReader } from './document-reader.ts';
import { loadOpenApi } from './load.ts';

describe('the document reader', () => {
  const folder = mkdtempSync(join(tmpdir(), 'merlon-openapi-'));
  const root = join(folder, 'api');
  mkdirSync(root);
  writeFileSync(join(folder, 'secret.yaml'), 'get: { responses: {} }\n');
  symlinkSync('../secret.yaml', join(root, 'link.yaml'));
  writeFileSync(
    join(root, 'api.yaml'),
    "openapi: 3.1.0\ninfo: { title: t, version: '1' }\npaths: { /a: { $ref: link.yaml } }\n",
  );
  writeFileSync(join(root, 'whole.yaml'), "openapi: 3.1.0\ninfo: { title: t, version: '1' }\n");

  it('reads files below its root', () => {
    expect(loadOpenApi(join(root, 'whole.yaml'), createDocumentReader(root)).operations).toEqual([]);
  });

  it('refuses a link that leads out of it', () => {
    expect(() => loadOpenApi(join(root, 'api.yaml'), createDocumentReader(root))).toThrow(/cannot read/);
    expect(() => createDocumentReader(root)(join(root, 'link.yaml'))).toThrow(/leads out of/);
    expect(loadOpenApi(join(root, 'api.yaml'), createDocumentReader(folder)).operations).toHaveLength(1);
  });

  it('refuses what is no file', () => {
    expect(() => createDocumentReader(root)(root)).toThrow();
    expect(() => createDocumentReader('/')('/dev/zero')).toThrow(/no file/);
  });
});
