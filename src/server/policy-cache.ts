import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { GatewayPolicies } from '../api/policy.ts';
import type { CompiledGateway } from '../policy/index.ts';
import type { Store } from '../storage/index.ts';
import { compilePoliciesApart, type PolicyCompilation } from './policy-compiler.ts';

const key = 'policy/compiled';
const maxKeptBytes = 8 * 1024 * 1024;
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

interface Kept {
  readonly hash: string;
  readonly policies: GatewayPolicies;
}

/**
 * Compiles policies, or gives what the last compilation of the very same input by the same version gave: a restart need not
 * wait for the official parser. What the policies are is behind the barrier, so nobody can put other ones there.
 */
export async function compilePoliciesOnce(
  compilation: PolicyCompilation,
  store: Store,
): Promise<CompiledGateway | { readonly policies: GatewayPolicies }> {
  const hash = createHash('sha256').update(version).update(JSON.stringify(compilation)).digest('base64url');
  const entry = await store.get(key);
  const kept = entry === undefined ? undefined : (JSON.parse(Buffer.from(entry.value).toString()) as Kept);
  if (kept?.hash === hash) return kept;
  const result = await compilePoliciesApart(compilation);
  if ('policies' in result) await keep({ hash, policies: result.policies }, store);
  return result;
}

async function keep(kept: Kept, store: Store): Promise<void> {
  const value = Buffer.from(JSON.stringify(kept));
  if (value.byteLength <= maxKeptBytes) await store.write([{ put: key, value }]);
}
