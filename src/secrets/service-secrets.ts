// The secrets of a service, as its manifest names them: read, generated where that was asked for, and handed over.

import { join } from 'node:path';
import type { Principal } from '../api/record.ts';
import { hasCode } from '../core/errors.ts';
import { ensurePrivateFolder, writeFileAtomic } from '../core/files.ts';
import { randomToken } from '../core/ids.ts';
import type { Audited } from './audited.ts';
import { kvMount } from './authority.ts';
import { SecretsError } from './errors.ts';
import type { Kv, KvSecret } from './kv.ts';

/** One secret of a manifest. */
export interface SecretNeed {
  readonly path: { readonly mount: string; readonly path: string; readonly field: string };
  /** Make a random value where there is none yet. */
  readonly generate: boolean;
  readonly as: 'env' | 'file';
}

/** What a service needs. */
export interface SecretsPlan {
  readonly service: string;
  /** By variable. */
  readonly secrets: Readonly<Record<string, SecretNeed>>;
}

/** What it gets. */
export interface ServiceSecrets {
  /** Values by variable. */
  readonly env: Readonly<Record<string, string>>;
  /** Values by variable, for those that are to stand in files. */
  readonly files: Readonly<Record<string, string>>;
  /** The version read of each path. Two that differ mean: give the service the new values. */
  readonly versions: Readonly<Record<string, number>>;
}

const platform: Principal = { kind: 'operator', id: 'merlon' };
const generatedBytes = 32;

/**
 * The secrets that `plan` names. Errors: `secrets.missing`, which tells all that are missing at once, and those of the store.
 */
export async function resolveServiceSecrets(kv: Kv, audited: Audited, plan: SecretsPlan): Promise<ServiceSecrets> {
  const needs = Object.entries(plan.secrets);
  await generateMissing(kv, audited, needs);
  const found = await readAll(kv, audited, plan.service, needs);
  const missing = needs.filter(([, { path }]) => fieldOf(found.get(path.path), path.field) === undefined);
  if (missing.length > 0) throw missingError(plan.service, missing);
  const values = (as: SecretNeed['as']) =>
    Object.fromEntries(
      needs
        .filter(([, need]) => need.as === as)
        .map(([variable, { path }]) => [variable, fieldOf(found.get(path.path), path.field) as string]),
    );
  const versions = [...found].map(([path, secret]) => [path, secret?.version ?? 0] as const);
  return { env: values('env'), files: values('file'), versions: Object.fromEntries(versions) };
}

type Needs = readonly (readonly [variable: string, need: SecretNeed])[];

function fieldOf(secret: KvSecret | undefined, field: string): string | undefined {
  const fields = secret?.fields;
  const value = fields && Object.hasOwn(fields, field) ? fields[field] : undefined;
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

async function readAll(
  kv: Kv,
  audited: Audited,
  service: string,
  needs: Needs,
): Promise<Map<string, KvSecret | undefined>> {
  const paths = new Set(needs.filter(([, { path }]) => path.mount === kvMount).map(([, { path }]) => path.path));
  const found = new Map<string, KvSecret | undefined>();
  for (const path of paths) {
    const access = { actor: platform, action: 'secret.read', target: `${kvMount}/data/${path}`, detail: { service } };
    found.set(path, await audited.read(access, () => kv.read(path)));
  }
  return found;
}

// Exactly once, whoever else does the same at the same time: a write that loses the race looks again.
async function generateMissing(kv: Kv, audited: Audited, needs: Needs): Promise<void> {
  for (const [, { path, generate }] of needs) {
    if (!generate || path.mount !== kvMount) continue;
    for (let done = false; !done; ) done = await tryGenerate(kv, audited, path.path, path.field);
  }
}

async function tryGenerate(kv: Kv, audited: Audited, path: string, field: string): Promise<boolean> {
  const current = (await kv.readMetadata(path))?.current ?? 0;
  const secret = await kv.read(path);
  if (fieldOf(secret, field) !== undefined) return true;
  const fields = { ...secret?.fields, [field]: randomToken(generatedBytes) };
  try {
    const access = { actor: platform, action: 'secret.generate', target: `${kvMount}/data/${path}`, detail: { field } };
    await audited.change(access, () => kv.write(path, fields, current));
    return true;
  } catch (error) {
    if (hasCode(error, 'secrets.cas-mismatch')) return false;
    throw error;
  }
}

function missingError(service: string, missing: Needs): SecretsError {
  const names = missing.map(([variable, { path }]) => `\`${path.mount}/${path.path}#${path.field}\` (for ${variable})`);
  const [, { path }] = missing[0] as Needs[number];
  return new SecretsError('secrets.missing', `the service \`${service}\` lacks ${names.join(', ')}`, {
    hint: `merlon secrets put ${path.path} ${path.field}=..., or \`generate: true\` in the manifest`,
  });
}

/**
 * Writes `files` below `folder` (0700), each readable by its owner alone; gives the path of each by variable.
 * Errors: `state.unwritable`, `state.permissions`.
 */
export function writeSecretFiles(folder: string, files: ServiceSecrets['files']): Readonly<Record<string, string>> {
  ensurePrivateFolder(folder);
  const written = Object.entries(files).map(([variable, value]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(variable)) {
      throw new SecretsError('secrets.bad-path', `\`${variable}\` is not the name of a variable`);
    }
    const path = join(folder, variable);
    writeFileAtomic(path, value);
    return [variable, path] as const;
  });
  return Object.fromEntries(written);
}
