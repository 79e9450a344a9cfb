import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { MerlonError } from '../core/errors.ts';
import { writeFileAtomic } from '../core/files.ts';
import type { Manifest, Service } from '../manifest/index.ts';
import type { Foundation } from './control-foundation.ts';
import type { StateLayout } from './state.ts';

/** The variables of each service that hold its secrets, or the paths of private files that do. Throws `secrets.missing` with all that are missing. */
export async function resolveAllSecrets(
  { services }: Manifest,
  { secrets }: Foundation,
  layout: StateLayout,
): Promise<Map<string, Readonly<Record<string, string>>>> {
  const resolved = new Map<string, Readonly<Record<string, string>>>();
  const missing: string[] = [];
  for (const [name, service] of Object.entries(services)) {
    const { values, absent } = await readSecrets(service, secrets);
    missing.push(...absent.map((path) => `${path} (services.${name})`));
    resolved.set(name, deliver(name, service, values, layout));
  }
  if (missing.length === 0) return resolved;
  throw new MerlonError({
    code: 'manifest.secret-missing',
    message: `these secrets have no value yet: ${missing.join(', ')}`,
    hint: 'set each with `merlon secrets put <path> <field>`, or add `generate: true` in the manifest',
  });
}

async function readSecrets(
  { secrets: wanted }: Service,
  secrets: Foundation['secrets'],
): Promise<{ values: Map<string, string>; absent: string[] }> {
  const values = new Map<string, string>();
  const absent: string[] = [];
  for (const [variable, { path, generate }] of Object.entries(wanted)) {
    const value = await secrets.resolveField(path.path, path.field, generate);
    if (value === undefined) absent.push(`${path.mount}/${path.path}#${path.field}`);
    else values.set(variable, value);
  }
  return { values, absent };
}

function deliver(
  name: string,
  { secrets }: Service,
  values: ReadonlyMap<string, string>,
  layout: StateLayout,
): Record<string, string> {
  const folder = join(layout.serviceSecrets, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  const variables: Record<string, string> = {};
  for (const [variable, value] of values) {
    const file = join(folder, variable);
    const asFile = secrets[variable]?.as === 'file';
    if (asFile) writeFileAtomic(file, value);
    variables[variable] = asFile ? file : value;
  }
  return variables;
}
