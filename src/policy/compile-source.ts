import type { DetailedError, SchemaJson, PolicyJson as WasmPolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { EntityUidJson, PolicyJson, PolicyProblem, PolicySnapshot, SnapshotPolicy } from '../api/policy.ts';
import { messageOf } from '../core/errors.ts';
import { type CedarWasm, loadCedar } from './cedar-wasm.ts';
import { leanSchema } from './lean-schema.ts';
import { indexLines, utf16Offset } from './line-index.ts';
import { shieldLongLiterals } from './long-literals.ts';
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
  refuseDuplicates(parsed, report);
  const policies = [...parsed.filter(({ text }) => !text.template).map(snapshotOf), ...linked(source, parsed, report)];
  if (source.schema !== undefined) validate(cedar, source, parsed, report);
  if (report.errors.length > 0) return { errors: report.errors };
  const actions = source.schema === undefined ? [] : actionsOf(jsonSchema(cedar, source.schema));
  return { snapshot: { version: 1, policies, actions }, warnings: report.warnings };
}

/** Collects problems, finding their lines. */
class ProblemReport {
  readonly errors: PolicyProblem[] = [];
  readonly warnings: PolicyProblem[] = [];
  readonly #lines: ReadonlyMap<string, ReturnType<typeof indexLines>>;

  constructor(files: readonly PolicyFile[]) {
    this.#lines = new Map(files.map(({ name, text }) => [name, indexLines(text)]));
  }

  /** `error` of the official implementation, and those related to it, about `text`. */
  cedar(code: string, error: DetailedError, text: PolicyText, policy?: string, into = this.errors): void {
    const start = error.sourceLocations?.[0]?.start ?? 0;
    const place = this.#lines.get(text.file)?.(text.offset + utf16Offset(text.text, start)) ?? text.place;
    const label = error.sourceLocations?.[0]?.label;
    const hint = error.help ?? label ?? undefined;
    into.push({
      code,
      message: plainMessage(error.message),
      ...(hint === undefined ? {} : { hint }),
      file: text.file,
      ...place,
      ...(policy === undefined ? {} : { policy }),
    });
    for (const related of error.related ?? []) this.cedar(code, related, text, policy, into);
  }

  at(code: string, message: string, text: PolicyText | undefined, policy: string): void {
    const { line, column } = text?.place ?? { line: 1, column: 1 };
    this.errors.push({ code, message, file: text?.file ?? 'links', line, column, policy });
  }

  schema(message: string, hint?: string | null): void {
    const facts = { code: 'policy.schema', message, file: 'schema', line: 1, column: 1 };
    this.errors.push(hint ? { ...facts, hint } : facts);
  }
}

function plainMessage(message: string): string {
  return message.replace(/^failed to parse (?:policy|template|policies) from string: /, '');
}

function parse(cedar: CedarWasm, text: PolicyText, origin: 'baseline' | 'user', report: ProblemReport): Parsed[] {
  const toJson = text.template ? cedar.templateToJson : cedar.policyToJson;
  try {
    const answer = toJson(text.text);
    if (answer.type === 'failure') {
      for (const error of answer.errors) report.cedar('policy.syntax', error, text);
      return [];
    }
    return [{ text, origin, ...identify(answer.json, text), policy: exactPolicy(toJson, text, answer.json) }];
  } catch (cause) {
    // The parser panics where nesting exhausts its stack.
    report.at('policy.syntax', `policy cannot be parsed: ${messageOf(cause)}`, text, `${text.file}:${text.place.line}`);
    return [];
  }
}

function identify({ annotations = {} }: WasmPolicyJson, text: PolicyText): Pick<Parsed, 'id' | 'annotations'> {
  const plain = Object.fromEntries(Object.entries(annotations).map(([name, value]) => [name, value ?? '']));
  return { id: plain.id || `${text.file}:${text.place.line}`, annotations: plain };
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

function refuseDuplicates(parsed: readonly Parsed[], report: ProblemReport): void {
  const seen = new Map<string, PolicyText>();
  for (const { id, text } of parsed) {
    const first = seen.get(id);
    if (first === undefined) seen.set(id, text);
    else {
      const where = `${first.file}:${first.place.line}`;
      report.at('policy.duplicate-id', `policy id \`${id}\` is taken by ${where}`, text, id);
    }
  }
}

function snapshotOf({ text, id, annotations, policy, origin }: Parsed): SnapshotPolicy {
  return { id, origin, file: text.file, line: text.place.line, annotations, clauses: text.clauses, policy };
}

function linked({ links = [] }: PolicySource, parsed: readonly Parsed[], report: ProblemReport): SnapshotPolicy[] {
  return links.flatMap(({ id, template, slots }) => {
    const found = parsed.find((each) => each.text.template && each.id === template);
    if (found === undefined) report.at('policy.link', `no template \`${template}\``, undefined, id);
    else if (parsed.some((each) => each.id === id)) {
      report.at('policy.duplicate-id', `policy id \`${id}\` is taken`, undefined, id);
    } else return [{ ...snapshotOf(found), id, slots }];
    return [];
  });
}

/** Validates what users wrote. The baseline is not asked: its generator is tested to write valid policies only. */
function validate(cedar: CedarWasm, source: PolicySource, parsed: readonly Parsed[], report: ProblemReport): void {
  const texts = new Map(parsed.filter(({ origin }) => origin === 'user').map(({ id, text }) => [id, text]));
  const links = (source.links ?? []).filter(({ template }) => texts.get(template)?.template);
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
