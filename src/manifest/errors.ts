import { MerlonError } from '../core/errors.ts';
import type { Problem } from './problem.ts';

/** Every code that a problem of a manifest may carry, and what it means. */
export const manifestCodes = {
  'manifest.not-found': 'there is no such file',
  'manifest.unreadable': 'a file cannot be read',
  'manifest.too-large': 'a file is larger than its bound',
  'manifest.syntax': 'the text is not YAML 1.2',
  'manifest.duplicate-key': 'a key stands twice in one map',
  'manifest.unknown-key': 'a key that the language does not have',
  'manifest.missing-key': 'a key that must be there is not',
  'manifest.bad-type': 'text where a list was expected, and the like',
  'manifest.bad-value': 'a value outside its grammar',
  'manifest.bad-path': 'a route path that is not a normalised prefix',
  'manifest.reserved-path': 'a route path that Merlon keeps for itself',
  'manifest.bad-secret': 'not the path of a secret',
  'manifest.bad-command': 'a command that cannot be split',
  'manifest.bad-service': 'a service whose keys contradict each other',
  'manifest.bad-client': 'a client whose keys contradict each other',
  'manifest.bad-route': 'a route whose keys contradict each other',
  'manifest.not-available': 'something that this version does not do',
  'manifest.no-effect': 'a key that would change nothing where it stands',
  'manifest.unknown-service': 'the name of a service that is not declared',
  'manifest.unknown-role': 'the name of a role that is not declared',
  'manifest.unknown-scope': 'a scope that nothing declares',
  'manifest.unknown-parameter': 'a path parameter that the OpenAPI document does not have',
  'manifest.duplicate-route': 'two routes that match the same requests',
  'manifest.duplicate-issuer': 'an issuer that is listed twice',
  'manifest.self-call': 'a service that calls itself',
  'manifest.port-collision': 'two things on one port',
  'manifest.missing-file': 'a file or folder that is named and not there',
  'manifest.bad-openapi': 'a file that is not an OpenAPI 3 document',
  'manifest.call-cycle': 'services that call each other in a circle',
  'manifest.unreachable-service': 'a service without a route and without a caller',
  'manifest.public-data': 'sensitive data behind a public route',
  'manifest.plain-secret': 'a secret in clear text',
  'manifest.plain-http': 'clear-text HTTP beyond this machine',
  'manifest.no-operation': 'a route under which the OpenAPI document has no path',
  'manifest.unscoped-method': 'a method without scopes where others have them',
} as const;

export type ManifestCode = keyof typeof manifestCodes;

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
