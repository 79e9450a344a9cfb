import type { GatewayPolicies } from '../api/policy.ts';
import type { CompiledGateway } from '../policy/control.ts';
import type { Store } from '../storage/index.ts';
import { resultOnce } from './kept-result.ts';
import { compilePoliciesApart, type PolicyCompilation } from './policy-compiler.ts';

type Compiled = Extract<CompiledGateway, { errors: unknown }> | { readonly policies: GatewayPolicies };

/** Compiles policies, or gives what the last compilation of the very same input gave: a restart need not wait for the official parser. */
export function compilePoliciesOnce(compilation: PolicyCompilation, store: Store): Promise<Compiled> {
  return resultOnce<Compiled>(store, {
    key: 'policy/compiled',
    input: compilation,
    make: async () => {
      const result = await compilePoliciesApart(compilation);
      return 'policies' in result ? { policies: result.policies } : result;
    },
    isKept: (result) => 'policies' in result,
  });
}
