// What is said of a parameter that is refused.
import type { OpenApiDocument, Operation, Parameter } from '../../api/openapi.ts';
import type { Denial } from '../../api/record.ts';
import type { Settings } from '../config.ts';
import { deny, shown } from './deny.ts';
import type { CheckValue, SchemaCompiler } from './schema-compiler.ts';
import { explain } from './schema-error.ts';
import type { TextValue } from './text-value.ts';

/** What the checks of one operation's parameters share. */
export interface Context {
  readonly document: OpenApiDocument;
  readonly operation: Operation;
  readonly settings: Settings;
  readonly compiler: SchemaCompiler;
}

/** One parameter, ready to be checked. */
export interface CompiledParameter {
  readonly parameter: Parameter;
  /** `query limit`. */
  readonly place: string;
  readonly text: TextValue;
  readonly check: CheckValue;
}

/** A value that its schema refuses. */
export function breach(
  { document, operation }: Context,
  { parameter, place }: CompiledParameter,
  errors: Parameters<typeof explain>[0],
): Denial {
  const { code, message, facts } = explain(errors, {
    schemas: document.schemas,
    schema: parameter.schema,
    direction: 'request',
    place,
  });
  return deny(400, operation, code, message, facts);
}

/** Undefined where it may be missing. */
export function missing({ operation }: Context, { parameter, place }: CompiledParameter): Denial | undefined {
  if (!parameter.required) return undefined;
  return deny(400, operation, 'openapi.missing-parameter', `${place} is missing`, {
    claim: place,
    expected: 'present',
    actual: 'absent',
    fix: `send the ${parameter.in} parameter \`${parameter.name}\``,
  });
}

export function repeated({ operation }: Context, { parameter, place }: CompiledParameter): Denial {
  return deny(400, operation, 'openapi.repeated-parameter', `${place} must occur once`, {
    claim: place,
    expected: 'one value',
    fix: `send \`${parameter.name}\` once`,
  });
}

/** Its text is not of its style. */
export function malformed(
  { operation }: Context,
  { parameter, place }: CompiledParameter,
  why = `is not written in style ${parameter.style}`,
): Denial {
  return deny(400, operation, 'openapi.malformed-parameter', `${place} ${why}`, {
    claim: place,
    expected: `style ${parameter.style}${parameter.explode ? ', exploded' : ''}`,
    fix: `write \`${parameter.name}\` as the document shows it`,
  });
}

export function malformedQuery({ operation, settings }: Context, fault: 'too-many' | 'malformed'): Denial {
  return fault === 'too-many'
    ? deny(400, operation, 'openapi.too-many-values', `the query holds more than ${settings.maxPairs} parameters`, {
        claim: 'query',
      })
    : deny(400, operation, 'openapi.malformed-query', 'the query holds a malformed percent-encoding', {
        claim: 'query',
        fix: 'encode the query as UTF-8',
      });
}

export function unknownParameter({ operation }: Context, written: string): Denial {
  const name = shown(written);
  return deny(400, operation, 'openapi.unknown-parameter', `query \`${name}\` is not declared`, {
    claim: `query ${name}`,
    expected: 'absent',
    fix: `remove \`${name}\`: the operation does not declare it`,
  });
}
