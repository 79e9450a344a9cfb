import type { GatewayPolicies, PolicyModel, PolicyProblem } from '../api/policy.ts';
import { noWeaknesses, type Weaknesses } from '../api/protections.ts';
import { checkModel, generateBaseline } from './baseline.ts';
import { compilePolicySource, type TemplateLink } from './compile-source.ts';
import { type CedarSchemaJson, generateSchema } from './schema.ts';
import type { PolicyFile } from './split-policies.ts';

export interface GatewaySource {
  readonly model: PolicyModel;
  /** The user's policies (`policies/*.cedar`). */
  readonly files: readonly PolicyFile[];
  readonly links?: readonly TemplateLink[];
}

export type CompiledGateway =
  | {
      readonly policies: GatewayPolicies;
      readonly schema: CedarSchemaJson;
      /** The generated policies, for people to read. */
      readonly baseline: string;
      readonly warnings: readonly PolicyProblem[];
    }
  | { readonly errors: readonly PolicyProblem[] };

/** The name of the generated file. */
export const baselineFile = 'baseline.cedar';

/** Generates schema and baseline of a model, and compiles them with the user's policies. Reports every error at once. */
export async function compileGatewayPolicies(
  { model, files, links = [] }: GatewaySource,
  weaknesses: Weaknesses = noWeaknesses,
): Promise<CompiledGateway> {
  const contradictions = checkModel(model);
  if (contradictions.length > 0) return { errors: contradictions };
  const schema = generateSchema(model);
  const baseline = generateBaseline(model, weaknesses);
  const compiled = await compilePolicySource({
    files: [{ name: baselineFile, text: baseline, origin: 'baseline' }, ...files],
    schema,
    links,
  });
  if ('errors' in compiled) return { errors: compiled.errors.map(withHint) };
  const warnings = compiled.warnings.filter(({ file }) => file !== baselineFile);
  return { policies: { model, snapshot: compiled.snapshot }, schema, baseline, warnings };
}

/** The one thing about the model that a newcomer trips over. */
function withHint(problem: PolicyProblem): PolicyProblem {
  if (!/on entity type `Merlon::Anonymous` not found/.test(problem.message)) return problem;
  return {
    ...problem,
    hint: 'callers of public and optional routes may be `Merlon::Anonymous`: write `principal is Merlon::User`',
  };
}
