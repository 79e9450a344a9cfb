import type { MediaType, OpenApiDocument, Operation, Parameter, ResponseDeclaration } from '../../api/openapi.ts';
import type { ResponseFinding, ResponseSource } from '../api-validator.ts';
import type { Settings } from '../config.ts';
import type { DenialCode } from '../errors.ts';
import {
  type ContentKind,
  kindOf,
  matchesRange,
  type ParsedMediaType,
  tryParseMediaType,
} from '../media/media-type.ts';
import { compileContent, type ReadContent } from './content.ts';
import { type DenialFacts, reasonOf, shown } from './deny.ts';
import type { CheckValue, SchemaCompiler } from './schema-compiler.ts';
import { explain } from './schema-error.ts';
import { compileTextValue, type TextValue } from './text-value.ts';

/** Checks one operation's answers. */
export type CheckResponse = (response: ResponseSource) => readonly ResponseFinding[];

const leaks: ReadonlySet<DenialCode> = new Set<DenialCode>(['openapi.unknown-field', 'openapi.write-only-field']);
const noFindings: readonly ResponseFinding[] = [];

interface CompiledResponse {
  readonly declaration: ResponseDeclaration;
  readonly headers: readonly CompiledHeader[];
  readonly media: Map<string, { readonly read: ReadContent; readonly check: CheckValue }>;
}

interface CompiledHeader {
  readonly parameter: Parameter;
  readonly text: TextValue;
  readonly check: CheckValue;
}

type Report = (code: DenialCode, message: string, facts: DenialFacts) => readonly ResponseFinding[];

export function compileResponses(
  document: OpenApiDocument,
  operation: Operation,
  settings: Settings,
  compiler: SchemaCompiler,
): CheckResponse {
  const compiled = new Map<string, CompiledResponse>();
  for (const declaration of operation.responses) {
    const headers = declaration.headers.map((parameter) => ({
      parameter,
      text: compileTextValue(document.schemas, parameter.schema, parameter, (text) => text),
      check: compiler.compile(parameter.schema),
    }));
    compiled.set(declaration.status, { declaration, headers, media: new Map() });
  }
  const report: Report = (code, message, facts) => [
    { severity: leaks.has(code) ? 'leak' : 'mismatch', reason: reasonOf(operation, code, message, facts) },
  ];
  return (response) => {
    if (compiled.size === 0) return noFindings;
    const status = String(response.status);
    const found = compiled.get(status) ?? compiled.get(`${status[0]}XX`) ?? compiled.get('default');
    if (found === undefined)
      return report('openapi.undeclared-status', `status ${status} is not declared`, {
        claim: 'status',
        actual: status,
      });
    return [
      ...checkHeaders(document, found, response, report),
      ...checkBody(document, found, response, settings, compiler, report),
    ];
  };
}

function checkHeaders(
  document: OpenApiDocument,
  { headers }: CompiledResponse,
  response: ResponseSource,
  report: Report,
): ResponseFinding[] {
  return headers.flatMap(({ parameter, text, check }) => {
    const place = `header ${parameter.name}`;
    const value = response.header(parameter.name);
    if (value === undefined)
      return parameter.required ? report('openapi.missing-parameter', `${place} is missing`, { claim: place }) : [];
    const found = text.readings
      .map((reading) => reading({ values: [value], fields: [] }))
      .filter((read) => read !== undefined);
    if (found.length === 0)
      return report('openapi.malformed-parameter', `${place} is not written as declared`, { claim: place });
    const errors = found.map((read) => check(read.value));
    const first = errors[0];
    if (first === undefined || errors.includes(undefined)) return [];
    const breach = explain(first, {
      schemas: document.schemas,
      schema: parameter.schema,
      direction: 'response',
      place,
    });
    return report(breach.code, breach.message, breach.facts);
  });
}

function checkBody(
  document: OpenApiDocument,
  found: CompiledResponse,
  response: ResponseSource,
  settings: Settings,
  compiler: SchemaCompiler,
  report: Report,
): readonly ResponseFinding[] {
  const { body } = response;
  if (body === undefined || body.length === 0) return noFindings;
  const field = response.header('content-type');
  const type = field === undefined ? undefined : tryParseMediaType(field);
  const media = type && found.declaration.content.find(({ range }) => matchesRange(range, type.essence));
  if (type === undefined || media === undefined) {
    return report('openapi.undeclared-content', 'the media type of the answer is not declared', {
      claim: 'header content-type',
      actual: shown(field ?? 'absent'),
    });
  }
  const kind = kindOf(type.essence);
  if (media.schema === undefined || kind === 'opaque' || body.length > settings.maxBodyBytes) return noFindings;
  return checkContent(document, found, { media, kind, type }, body, settings, compiler, report);
}

interface Chosen {
  readonly media: MediaType;
  readonly kind: ContentKind;
  readonly type: ParsedMediaType;
}

function checkContent(
  document: OpenApiDocument,
  found: CompiledResponse,
  { media, kind, type }: Chosen,
  body: Buffer,
  settings: Settings,
  compiler: SchemaCompiler,
  report: Report,
): readonly ResponseFinding[] {
  const key = `${kind} ${media.range}`;
  const schema = media.schema ?? true;
  const compiled = found.media.get(key) ?? {
    read: compileContent(document, media, kind, settings),
    check: compiler.compile(schema),
  };
  found.media.set(key, compiled);
  const result = compiled.read(body, type);
  if ('fault' in result) return report(result.fault.code, `the body ${result.fault.message}`, { claim: 'body' });
  const errors = compiled.check(result.value);
  if (errors === undefined) return noFindings;
  const breach = explain(errors, { schemas: document.schemas, schema, direction: 'response', place: 'body' });
  return report(breach.code, breach.message, breach.facts);
}
