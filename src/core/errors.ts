/** What a failure tells, and to whom. */
export interface ErrorFacts {
  /** Stable, dotted, lower case: `manifest.unknown-key`. Part of the contract; the sentence is not. */
  readonly code: string;
  /** One sentence for whoever caused it: lower case, no full stop, the offending input in backticks. No secret, no internals. */
  readonly message: string;
  /** For the operator's log only. Never reaches a caller. */
  readonly detail?: string;
  /** What to do about it, when that is known. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * The base of every error that this program throws on purpose. The public sentence (`message`) and the private
 * detail are two fields so that the wire cannot receive the second by accident.
 */
export class MerlonError extends Error {
  readonly code: string;
  readonly detail: string | undefined;
  readonly hint: string | undefined;

  constructor(facts: ErrorFacts) {
    super(facts.message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = new.target.name;
    this.code = facts.code;
    this.detail = facts.detail;
    this.hint = facts.hint;
  }
}

/** Whether `value` is an error of this program with `code`. */
export function hasCode(value: unknown, code: string): value is MerlonError {
  return value instanceof MerlonError && value.code === code;
}

/** Node's own error code (`ENOENT`, `EADDRINUSE`), or undefined. */
export function systemCode(value: unknown): string | undefined {
  const code = value instanceof Error ? (value as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** The sentence of anything thrown. */
export function messageOf(value: unknown): string {
  return value instanceof Error ? value.message : String(value);
}

/** Exit codes of the command line, after sysexits(3). */
export const exitCodes = {
  ok: 0,
  /** The thing asked for did not hold: an attack got through, a check failed. */
  failed: 1,
  /** The command line is wrong. */
  usage: 64,
  /** The manifest or another input is wrong. */
  badInput: 65,
  /** A file, a decision or a service that was named does not exist. */
  notFound: 66,
  /** A needed service (the control plane, a workload) is not there. */
  unavailable: 69,
  /** A fault of this program. */
  internal: 70,
  /** The machine refuses: port in use, folder not writable. */
  system: 71,
  /** A key or state file may be read by others, or not by us. */
  permission: 77,
} as const;
