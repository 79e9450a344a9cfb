import { MerlonError } from '../core/errors.ts';

/** Every code of this folder. The first two stand in denials, the rest are thrown while a rule set or a file of requests is read. */
export const wafErrorCodes = [
  'waf.denied',
  'waf.response-denied',
  'waf.syntax',
  'waf.unknown-name',
  'waf.bad-value',
  'waf.bad-regex',
  'waf.unsupported',
  'waf.duplicate-id',
  'waf.missing-data',
  'waf.bad-request-file',
] as const;

export type WafErrorCode = (typeof wafErrorCodes)[number];

/** Where a directive stands: `rules/REQUEST-942.conf`, line 17. */
export interface Position {
  readonly file: string;
  readonly line: number;
}

export const formatPosition = (at: Position): string => `${at.file}:${at.line}`;

/** A fault in a rule set, with its place in the message. */
export function ruleFault(at: Position, code: WafErrorCode, message: string, hint?: string): MerlonError {
  return new MerlonError({
    code,
    message: `${formatPosition(at)}: ${message}`,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Something that SecLang knows and this engine leaves out on purpose. */
export function unsupported(at: Position, what: string, why: string): MerlonError {
  return ruleFault(at, 'waf.unsupported', `${what} is not supported: ${why}`);
}

/** Runs `read`; gives its errors the place of the directive. */
export function placed<Result>(at: Position, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof MerlonError) || error.message.startsWith(`${at.file}:`)) throw error;
    throw new MerlonError({
      code: error.code,
      message: `${formatPosition(at)}: ${error.message}`,
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}
