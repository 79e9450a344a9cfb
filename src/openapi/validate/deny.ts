import type { Operation } from '../../api/openapi.ts';
import type { Denial, Reason } from '../../api/record.ts';
import type { DenialCode } from '../errors.ts';

/** What a denial says beyond its code and sentence. */
export interface DenialFacts {
  readonly claim?: string;
  readonly clause?: string;
  readonly expected?: string;
  readonly actual?: string;
  readonly fix?: string;
  readonly detail?: string;
}

/** The reason of this capability for `operation`. */
export function reasonOf(
  operation: Operation | undefined,
  code: DenialCode,
  message: string,
  facts: DenialFacts = {},
): Reason {
  const { fix, ...rest } = facts;
  return {
    filter: 'openapi',
    code,
    message,
    ...(operation === undefined ? {} : { rule: operation.id }),
    ...rest,
    ...(fix === undefined ? {} : { fixes: [fix] }),
  };
}

/** A refusal with `status`. */
export function deny(
  status: number,
  operation: Operation | undefined,
  code: DenialCode,
  message: string,
  facts: DenialFacts = {},
): Denial {
  return { status, reason: reasonOf(operation, code, message, facts) };
}

const longestShown = 64;

/** Text from outside as it may stand in a message: short, on one line, without backticks. */
export function shown(text: string): string {
  const short = text.length > longestShown ? `${text.slice(0, longestShown)}…` : text;
  return short.replace(/[\0-\x1f\x7f-\x9f`\u2028\u2029]/g, '?').toWellFormed();
}

/** What a value is, for people: its type and size, and itself only where it is short and not `sensitive`. */
export function describeValue(value: unknown, sensitive: boolean): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return `array of ${value.length} items`;
  switch (typeof value) {
    case 'object':
      return `object of ${Object.keys(value).length} fields`;
    case 'string':
      return sensitive || value.length > longestShown
        ? `string of ${value.length} characters`
        : `string \`${shown(value)}\``;
    case 'number':
    case 'boolean':
      return sensitive ? typeof value : `${typeof value} \`${value}\``;
    default:
      return typeof value;
  }
}
