import { MerlonError } from '../core/errors.ts';
import type { Problem } from './problem.ts';

export { type ManifestCode, manifestCodes } from './codes.ts';

/** A manifest that cannot be used, with everything that is wrong with it. */
export class ManifestError extends MerlonError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const [first] = problems;
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
    super({
      code: first?.code ?? 'manifest.syntax',
      message: `${first?.message ?? 'the manifest is wrong'}${more}`,
      ...(first?.hint === undefined ? {} : { hint: first.hint }),
    });
    this.problems = problems;
  }
}
