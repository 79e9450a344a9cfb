// The Cedar project's own corpora: hand-written cases, and generated ones (a sample unless MERLON_CEDAR_ALL is set).
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { compilePolicySource } from '../../src/policy/control.ts';
import {
  createAuthorizer,
  type EntityJson,
  EntityStore,
  recordOf,
  uidOf,
  type ValueJson,
} from '../../src/policy/index.ts';

const root = join(process.env.MERLON_SUITES ?? join(import.meta.dirname, '../../../shared/suites'), 'cedar');
const found = existsSync(root);
if (!found) console.warn(`skipped: no Cedar corpora at ${root}`);

const sampleSize = process.env.MERLON_CEDAR_ALL === undefined ? 400 : Number.POSITIVE_INFINITY;

interface CaseRequest {
  readonly description: string;
  readonly principal: { type: string; id: string };
  readonly action: { type: string; id: string };
  readonly resource: { type: string; id: string };
  readonly context: Record<string, ValueJson>;
  readonly decision: 'allow' | 'deny';
  readonly reason: readonly string[];
  readonly errors: readonly string[];
}

interface Case {
  readonly policies: string;
  readonly entities: string;
  readonly schema: string;
  readonly shouldValidate: boolean;
  readonly requests: readonly CaseRequest[];
}

/** JSON whose integers past 2^53 become bigints. */
function parseExact(text: string): unknown {
  return JSON.parse(text, ((_: string, value: unknown, context: { source?: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) ? BigInt(context.source as string) : value) as never);
}

/** The hand-written entities name others without `__entity`, which only their schema tells. */
function escapeEntities(json: unknown): unknown {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map(escapeEntities);
  const keys = Object.keys(json).sort().join();
  if (keys === 'id,type') return { __entity: json };
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, escapeEntities(value)]));
}

async function check(test: Case, read: (path: string) => string, schema?: string): Promise<void> {
  const files = [{ name: test.policies, text: read(test.policies) }];
  const compiled = await compilePolicySource(schema === undefined ? { files } : { files, schema });
  if ('errors' in compiled) throw new Error(JSON.stringify(compiled.errors));
  // The corpora name policies by their position.
  const policies = compiled.snapshot.policies.map((policy, at) => ({ ...policy, id: `policy${at}` }));
  const authorizer = createAuthorizer({ ...compiled.snapshot, policies });
  const entities = new EntityStore(escapeEntities(parseExact(read(test.entities))) as EntityJson[]);
  for (const request of test.requests) {
    const { decision, determining, errors } = authorizer.authorize({
      principal: uidOf(request.principal),
      action: uidOf(request.action),
      resource: uidOf(request.resource),
      context: recordOf(request.context),
      entities,
    });
    const answer = { decision, reason: determining.toSorted(), errors: errors.map(({ policy }) => policy).toSorted() };
    const { description, decision: wanted, reason, errors: erring } = request;
    expect({ description, ...answer }, test.policies).toEqual({
      description,
      decision: wanted,
      reason: reason.toSorted(),
      errors: erring.toSorted(),
    });
  }
}

describe.skipIf(!found)('cedar: hand-written cases', () => {
  for (const file of globSync('handwritten/**/*.json', { cwd: root }).sort()) {
    it(file, async () => {
      const read = (path: string): string => readFileSync(join(root, path.replace(/^tests\//, 'handwritten/')), 'utf8');
      const test = parseExact(readFileSync(join(root, file), 'utf8')) as Case;
      await check(test, read, test.shouldValidate ? read(test.schema) : undefined);
    });
  }
});

/** The regular files of a tar archive: 512-byte headers, name at 0, size in octal at 124, name prefix at 345. */
function readTar(archive: Buffer): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>();
  const field = (at: number, length: number): string =>
    archive.toString('latin1', at, at + length).replace(/\0.*$/, '');
  for (let at = 0; at + 512 <= archive.length && archive[at] !== 0; ) {
    const size = Number.parseInt(field(at + 124, 12), 8);
    const prefix = field(at + 345, 155);
    const name = prefix === '' ? field(at, 100) : `${prefix}/${field(at, 100)}`;
    if (field(at + 156, 1) === '0') files.set(name.replace(/^\.\//, ''), archive.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

describe.skipIf(!found)('cedar: generated cases', () => {
  it('decides, determines and errs as recorded', { timeout: 1_800_000 }, async () => {
    const files = readTar(gunzipSync(readFileSync(join(root, 'corpus.tar.gz'))));
    const read = (path: string): string => (files.get(path) as Buffer).toString('utf8');
    const tests = [...files.keys()].filter((name) => /\/[0-9a-f]{40}\.json$/.test(name)).sort();
    expect(tests.length).toBeGreaterThan(7000);
    const step = Math.max(1, Math.floor(tests.length / sampleSize));
    const sample = tests.filter((_, at) => at % step === 0);
    for (const name of sample) await check(parseExact(read(name)) as Case, read);
    console.info(`${sample.length} of ${tests.length} generated cases`);
  });
});
