import type { DocumentNote } from '../api/openapi.ts';
import { MerlonError } from '../core/errors.ts';

/** Codes of what can be wrong with a document. All but those of `warningCodes` keep it from loading. */
export const problemCodes = [
  'openapi.unreadable',
  'openapi.syntax',
  'openapi.version',
  'openapi.shape',
  'openapi.unresolved-ref',
  'openapi.foreign-ref',
  'openapi.ref-cycle',
  'openapi.too-large',
  'openapi.path-template',
  'openapi.path-conflict',
  'openapi.duplicate-operation-id',
  'openapi.path-parameter',
  'openapi.duplicate-parameter',
  'openapi.parameter',
  'openapi.style',
  'openapi.schema',
  'openapi.pattern',
  'openapi.security',
  'openapi.unsupported',
  'openapi.grpc-descriptor',
] as const;

/** Codes of what loads but deserves a look. */
export const warningCodes = [
  'openapi.unknown-key',
  'openapi.ignored',
  'openapi.free-form',
  'openapi.unknown-format',
  'openapi.no-response',
  'openapi.split-path',
] as const;

/** Codes of denials and response findings. */
export const denialCodes = [
  'openapi.undeclared-operation',
  'openapi.undeclared-method',
  'openapi.malformed-query',
  'openapi.unknown-parameter',
  'openapi.missing-parameter',
  'openapi.repeated-parameter',
  'openapi.malformed-parameter',
  'openapi.unexpected-body',
  'openapi.missing-body',
  'openapi.media-type',
  'openapi.malformed-body',
  'openapi.duplicate-key',
  'openapi.body-too-large',
  'openapi.too-deep',
  'openapi.too-many-values',
  'openapi.unknown-field',
  'openapi.read-only-field',
  'openapi.write-only-field',
  'openapi.missing-field',
  'openapi.wrong-type',
  'openapi.wrong-format',
  'openapi.wrong-value',
  'openapi.too-long',
  'openapi.too-short',
  'openapi.out-of-range',
  'openapi.no-match',
  'openapi.undeclared-status',
  'openapi.undeclared-content',
  'openapi.graphql-method',
  'openapi.graphql-malformed',
  'openapi.graphql-batch',
  'openapi.graphql-introspection',
  'openapi.graphql-depth',
  'openapi.graphql-aliases',
  'openapi.graphql-cost',
  'openapi.graphql-directives',
  'openapi.grpc-undeclared',
] as const;

export type ProblemCode = (typeof problemCodes)[number];
export type WarningCode = (typeof warningCodes)[number];
export type DenialCode = (typeof denialCodes)[number];

/** A document that does not load, with everything that is wrong with it. Code: `openapi.invalid-document`. */
export class OpenApiError extends MerlonError {
  readonly problems: readonly DocumentNote[];

  constructor(path: string, problems: readonly DocumentNote[]) {
    const first = problems[0];
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    super({
      code: 'openapi.invalid-document',
      message: `\`${path}\` has ${count}: ${first === undefined ? 'unknown' : `${first.at}: ${first.message}`}`,
      detail: problems.map(formatNote).join('\n'),
      ...(first?.hint === undefined ? {} : { hint: first.hint }),
    });
    this.problems = problems;
  }
}

/** A note as one line: `openapi.yaml:12:5: code: sentence (hint)`. */
export function formatNote(note: DocumentNote): string {
  return `${note.at}: ${note.code}: ${note.message}${note.hint === undefined ? '' : ` (${note.hint})`}`;
}
