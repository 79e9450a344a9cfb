import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { serviceId } from '../control/index.ts';
import { hasCode, MerlonError } from '../core/errors.ts';
import type { Manifest } from '../manifest/index.ts';
import { type ServiceSecrets, writeSecretFiles } from '../secrets/index.ts';
import type { Foundation } from './control-foundation.ts';
import type { StateLayout } from './state.ts';

/** The variables of each service that hold its secrets, or the paths of private files that do. Throws `secrets.missing` with all that are missing. */
export async function resolveAllSecrets(
  { services }: Manifest,
  { secrets }: Foundation,
  layout: StateLayout,
): Promise<Map<string, Readonly<Record<string, string>>>> {
  const resolved = new Map<string, ServiceSecrets>();
  const missing: string[] = [];
  for (const [service, { secrets: wanted }] of Object.entries(services)) {
    try {
      resolved.set(service, await secrets.resolveServiceSecrets({ service, secrets: wanted }));
    } catch (error) {
      if (!hasCode(error, 'secrets.missing')) throw error;
      missing.push(error.message);
    }
  }
  if (missing.length > 0) {
    throw new MerlonError({
      code: 'secrets.missing',
      message: missing.join('; '),
      hint: 'set each with `merlon secrets put <path> <field>`, or add `generate: true` in the manifest',
    });
  }
  return new Map([...resolved].map(([service, given]) => [service, deliver(service, given, layout)]));
}

function deliver(
  service: string,
  { env, files }: ServiceSecrets,
  layout: StateLayout,
): Readonly<Record<string, string>> {
  const folder = join(layout.serviceSecrets, service);
  rmSync(folder, { recursive: true, force: true });
  return { ...env, ...(Object.keys(files).length === 0 ? {} : writeSecretFiles(folder, files)) };
}

/** What each workload may read over the secrets API: the paths that its manifest entry names, and nothing else. */
export function assignSecretRoles({ services, trustDomain }: Manifest, { secretRoles }: Foundation): void {
  secretRoles.clear();
  for (const [service, { secrets }] of Object.entries(services)) {
    const paths = [...new Set(Object.values(secrets).map(({ path }) => path.path))];
    if (paths.length > 0) secretRoles.set(serviceId(trustDomain, service), { service, paths });
  }
}
