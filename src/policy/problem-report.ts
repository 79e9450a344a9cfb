import type { DetailedError } from '@cedar-policy/cedar-wasm/nodejs';
import type { PolicyProblem } from '../api/policy.ts';
import { indexLines, utf16Offset } from './line-index.ts';
import type { PolicyFile, PolicyText } from './split-policies.ts';

/** Collects problems, finding their lines. */
export class ProblemReport {
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
