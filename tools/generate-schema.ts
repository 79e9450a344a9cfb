// Writes what is derived from the manifest's schema: the JSON Schema for editors and the reference.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { manifestJsonSchema, manifestReference } from '../src/manifest/control.ts';

const schema = 'docs/manifest.schema.json';
const { stdout, status, stderr } = spawnSync('biome', ['format', `--stdin-file-path=${schema}`], {
  input: JSON.stringify(manifestJsonSchema(), null, 2),
  encoding: 'utf8',
});
if (status !== 0) throw new Error(`biome did not format the schema: ${stderr}`);

mkdirSync('docs', { recursive: true });
writeFileSync(schema, stdout);
writeFileSync('docs/manifest.md', manifestReference());
