import type { SchemaJson, PolicyJson as WasmPolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { EntityUidJson, PolicyJson, PolicyProblem, PolicySnapshot, SnapshotPolicy } from '../api/policy.ts';
import { type CedarWasm, loadCedar } from './cedar-wasm.ts';
import { excessOf } from './complexity.ts';
import { leanSchema } from './lean-schema.ts';
import { shieldLongLiterals } from './long-literals.ts';
import { ProblemReport } from './problem-report.ts';
import { actionsOf } from './schema-actions.ts';
import { type PolicyFile, type PolicyText, splitPolicies } from './split-policies.ts';

/** A template with its slots filled: a policy of its own. */
export interface TemplateLink {
  readonly id: string;
  readonly template: string;
  readonly slots: Readonly<Record<string, EntityUidJson>>;
}

export interface PolicySource {
  readonly files: readonly (PolicyFile & { readonly origin?: 'baseline' | 'user' })[];
  /** Cedar schema, as text or JSON. Without one, policies are parsed and not validated. */
  readonly schema?: string | SchemaJson<string>;
  readonly links?: readonly TemplateLink[];
}

export type CompiledSource =
  | { readonly snapshot: PolicySnapshot; readonly warnings: readonly PolicyProblem[] }
  | { readonly errors: readonly PolicyProblem[] };

interface Parsed {
  readonly text: PolicyText;
  readonly id: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly policy: PolicyJson;
  readonly origin: 'baseline' | 'user';
}

/**
 * Parses policies and validates them against the schema with the official implementation. Reports every error at
 * once, each at its place; throws nothing for what the files hold.
 */
export async function compilePolicySource(source: PolicySource): Promise<CompiledSource> {
  const cedar = await loadCedar();
  const report = new ProblemReport(source.files);
  const parsed = source.files.flatMap((file) =>
    splitPolicies(file).flatMap((text) => parse(cedar, text, file.origin ?? 'user', report)),
  );
  refuseDuplicates([...parsed, ...(source.links ?? []).map(({ id }) => ({ id }))], report);
  const policies = [...parsed.filter(({ text }) => !text.template).map(snapshotOf), ...linked(source, parsed, report)];
  // The validator refuses a set whose links or names are wrong, and says less about it.
  const consistent = !report.errors.some(({ code }) => code === 'policy.link' || code === 'policy.duplicate-id');
  if (source.schema !== undefined && consistent) validate(cedar, source, parsed, report);
  if (report.errors.length > 0) return { errors: report.errors };
  const actions = source.schema === undefined ? [] : actionsOf(jsonSchema(cedar, source.schema));
  return { snapshot: { version: 1, policies, actions }, warnings: report.warnings };
}

function parse(cedar: CedarWasm, text: PolicyText, origin: 'baseline' | 'user', report: ProblemReport): Parsed[] {
  const toJson = text.template ? cedar.templateToJson : cedar.policyToJson;
  const excess = excessOf(text.text);
  if (excess !== undefined) {
    report.at('policy.too-complex', excess, text, nameByPlace(text));
    return [];
  }
  const answer = toJson(text.text);
  if (answer.type === 'success') {
    return [{ text, origin, ...identify(answer.json, text), policy: exactPolicy(toJson, text, answer.json) }];
  }
  for (const error of answer.errors) report.cedar('policy.syntax', error, text);
  return [];
}

function identify({ annotations = {} }: WasmPolicyJson, text: PolicyText): Pick<Parsed, 'id' | 'annotations'> {
  const plain = Object.fromEntries(Object.entries(annotations).map(([name, value]) => [name, value ?? '']));
  return { id: plain.id || nameByPlace(text), annotations: plain };
}

function nameByPlace({ file, place: { line, column } }: PolicyText): string {
  return column === 1 ? `${file}:${line}` : `${file}:${line}:${column}`;
}

/** The parsed policy; parsed once more where it holds integers that the first result has rounded. */
function exactPolicy(toJson: CedarWasm['policyToJson'], { text }: PolicyText, rounded: WasmPolicyJson): PolicyJson {
  const shielded = shieldLongLiterals(text);
  if (shielded.text === text) return rounded as unknown as PolicyJson;
  const answer = toJson(shielded.text);
  if (answer.type === 'failure') throw new Error(answer.errors[0]?.message);
  const policy = answer.json as unknown as PolicyJson;
  const conditions = policy.conditions.map(({ kind, body }) => ({ kind, body: shielded.restore(body) }));
  return { ...policy, conditions };
}

function refuseDuplicates(
  named: readonly { readonly id: string; readonly text?: PolicyText }[],
  report: ProblemReport,
): void {
  const seen = new Map<string, PolicyText | undefined>();
  for (const { id, text } of named) {
    const first = seen.get(id);
    const where = first === undefined ? '' : ` by ${first.file}:${first.place.line}`;
    if (seen.has(id)) report.at('policy.duplicate-id', `policy id \`${id}\` is taken${where}`, text, id);
    else seen.set(id, text);
  }
}

function snapshotOf({ text, id, annotations, policy, origin }: Parsed): SnapshotPolicy {
  return { id, origin, file: text.file, line: text.place.line, annotations, clauses: text.clauses, policy };
}

/** The links whose template is there and whose slots have values. */
function linked({ links = [] }: PolicySource, parsed: readonly Parsed[], report: ProblemReport): SnapshotPolicy[] {
  return links.flatMap(({ id, template, slots }) => {
    const found = parsed.find((each) => each.text.template && each.id === template);
    const empty = found && slotsOf(found.policy).find((slot) => !Object.hasOwn(slots, slot));
    if (found === undefined) report.at('policy.link', `no template \`${template}\``, undefined, id);
    else if (empty !== undefined)
      report.at('policy.link', `slot \`${empty}\` of \`${template}\` has no value`, undefined, id);
    else return [{ ...snapshotOf(found), id, slots }];
    return [];
  });
}

function slotsOf({ principal, resource }: PolicyJson): readonly string[] {
  return [principal, resource].flatMap(({ slot, in: within }) => slot ?? within?.slot ?? []);
}

/** Validates what users wrote. The baseline is not asked: its generator is tested to write valid policies only. */
function validate(cedar: CedarWasm, source: PolicySource, parsed: readonly Parsed[], report: ProblemReport): void {
  const texts = new Map(parsed.filter(({ origin }) => origin === 'user').map(({ id, text }) => [id, text]));
  const { links = [] } = source;
  const textOf = (id: string): PolicyText =>
    (texts.get(id) ?? texts.get(links.find((link) => link.id === id)?.template ?? '')) as PolicyText;
  const answer = cedar.validate({
    schema: leanSchema(source.schema as string, [...texts.values()]),
    policies: {
      staticPolicies: textsById(texts, false),
      templates: textsById(texts, true),
      templateLinks: links.map(({ id, template, slots }) => ({
        newId: id,
        templateId: template,
        values: { ...slots },
      })),
    },
  });
  if (answer.type === 'failure') {
    for (const error of answer.errors) report.schema(error.message, error.help);
    return;
  }
  for (const { policyId, error } of answer.validationErrors) {
    report.cedar('policy.invalid', error, textOf(policyId), policyId);
  }
  for (const { policyId, error } of answer.validationWarnings) {
    report.cedar('policy.invalid', error, textOf(policyId), policyId, report.warnings);
  }
}

function textsById(texts: ReadonlyMap<string, PolicyText>, template: boolean): Record<string, string> {
  const chosen = [...texts].filter(([, text]) => text.template === template);
  return Object.fromEntries(chosen.map(([id, { text }]) => [id, text]));
}

function jsonSchema(cedar: CedarWasm, schema: string | SchemaJson<string>): SchemaJson<string> {
  if (typeof schema !== 'string') return schema;
  const answer = cedar.schemaToJson(schema);
  if (answer.type === 'failure') throw new Error(answer.errors[0]?.message);
  return answer.json;
}
