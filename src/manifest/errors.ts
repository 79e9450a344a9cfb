import { MerlonError } from '../core/errors.ts';
import { formatPlace, type Problem } from './problem.ts';

export { type ManifestCode, manifestCodes } from './codes.ts';

/** A manifest that cannot be used, with everything that is wrong with it. */
export class ManifestError extends MerlonError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const errors = problems.filter(({ severity }) => severity === 'error');
    const [first] = errors;
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
    super({
      code: first?.code ?? 'manifest.syntax',
      message: first === undefined ? 'the manifest is wrong' : `${formatPlace(first)}: ${first.message}${more}`,
      ...(first?.hint === undefined ? {} : { hint: first.hint }),
    });
    this.problems = problems;
  }
}
