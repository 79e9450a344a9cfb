/**
 * What evaluating a policy throws, and only the authorizer catches: Cedar skips a policy that errs. Not an `Error`,
 * since nobody needs its stack and taking one costs more than the decision.
 */
export class EvaluationError {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/** Throws; usable where an expression is wanted. */
export function fail(message: string): never {
  throw new EvaluationError(message);
}
