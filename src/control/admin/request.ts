import type { z } from 'zod';
import { MerlonError } from '../../core/errors.ts';

/** A failure with the HTTP status that tells it. */
export class AdminError extends MerlonError {
  readonly status: number;

  constructor(status: number, code: string, message: string, hint?: string) {
    super(hint === undefined ? { code, message } : { code, message, hint });
    this.status = status;
  }
}

/** `value` as `schema` reads it. Throws `admin.bad-request`, which names the fields and not their values. */
export function parse<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const fields = result.error.issues.map(({ path, message }) => `${path.join('.') || 'the body'}: ${message}`);
  throw new AdminError(400, 'admin.bad-request', `the request is not valid: ${fields.slice(0, 10).join('; ')}`);
}

/** Throws `admin.not-found`. */
export function notFound(kind: string, name: string): never {
  throw new AdminError(404, 'admin.not-found', `there is no ${kind} \`${name.slice(0, 256)}\``);
}
