import type { AuthnSnapshot } from '../api/authn.ts';
import type { OpenApiDocument } from '../api/openapi.ts';
import type { GatewayPolicies, PolicyModel } from '../api/policy.ts';
import type { Problem } from '../manifest/index.ts';

/** Loads and bundles the OpenAPI document at `path`. Throws a MerlonError that names file and line. */
export type LoadOpenApi = (path: string) => OpenApiDocument;

/** Compiles Cedar policies against the schema that follows from `model`. */
export type CompilePolicies = (
  model: PolicyModel,
  files: readonly { readonly name: string; readonly text: string }[],
) => Promise<{ readonly policies: GatewayPolicies } | { readonly problems: readonly Problem[] }>;

/** Keys of every trusted issuer, as far as they are known now. */
export type CurrentAuthn = () => Promise<AuthnSnapshot>;
