import type { PolicyExplanation, PolicyFinding, PolicyRequest } from '../api/policy.ts';
import type { Denial, Reason } from '../api/record.ts';
import type { AuthzCode } from './errors.ts';

interface PublicAnswer {
  readonly code: AuthzCode;
  /** To the caller: says what is missing where the manifest says so, and nothing of the policies. */
  readonly message: string;
}

/** The response to a denied request: 401 where nobody has authenticated, else 403. */
export function denialOf(request: PolicyRequest, explanation: PolicyExplanation): Denial {
  const finding = explanation.findings[0];
  const answer = publicAnswer(explanation, finding);
  const reason: Reason = {
    filter: 'authz',
    ...answer,
    detail: explanation.summary,
    ...pick(finding, 'rule'),
    ...pick(finding, 'clause'),
    ...pick(finding, 'claim'),
    ...pick(finding, 'expected'),
    ...pick(finding, 'actual'),
    ...(explanation.fixes.length > 0 ? { fixes: explanation.fixes } : {}),
  };
  if (request.principal.kind === 'anonymous') return { status: 401, reason, headers: { 'www-authenticate': 'Bearer' } };
  if (answer.code !== 'authz.scope-missing') return { status: 403, reason };
  return { status: 403, reason, headers: { 'www-authenticate': insufficientScope(finding?.expected ?? '') } };
}

/** The response where a policy that may forbid the request could not be evaluated. */
export function unevaluatedDenial({ policy, message }: PolicyExplanation['errors'][number]): Denial {
  return {
    status: 403,
    reason: {
      filter: 'authz',
      code: 'authz.unevaluated',
      message: 'a policy could not be evaluated',
      detail: message,
      rule: policy,
      fixes: [`mend the policy \`${policy}\`: it forbids, and what it says of this request cannot be known`],
    },
  };
}

function pick<K extends 'rule' | 'clause' | 'claim' | 'expected' | 'actual'>(
  finding: PolicyFinding | undefined,
  field: K,
): Partial<Record<K, string>> {
  const value = finding?.[field];
  return value === undefined ? {} : ({ [field]: value } as Record<K, string>);
}

function publicAnswer({ determining }: PolicyExplanation, finding: PolicyFinding | undefined): PublicAnswer {
  if (determining.length === 0 || finding === undefined) {
    return { code: 'authz.denied', message: 'no policy permits this request' };
  }
  return (
    answers.get(finding.check ?? '')?.(finding) ?? { code: 'authz.denied', message: 'a policy forbids this request' }
  );
}

const answers: ReadonlyMap<string, (finding: PolicyFinding) => PublicAnswer> = new Map([
  [
    'auth',
    (): PublicAnswer => ({ code: 'authz.unauthenticated', message: 'this route wants an authenticated caller' }),
  ],
  [
    'scopes',
    ({ expected }: PolicyFinding): PublicAnswer => ({
      code: 'authz.scope-missing',
      message: `the token lacks the scope \`${expected}\``,
    }),
  ],
  [
    'roles',
    (): PublicAnswer => ({ code: 'authz.role-missing', message: 'the caller lacks a role that this route wants' }),
  ],
  ['owner', (): PublicAnswer => ({ code: 'authz.not-owner', message: 'the caller does not own this object' })],
]);

/** RFC 6750, section 3.1. Scope tokens hold no quotes (RFC 6749, section 3.3); what is no token is left out. */
function insufficientScope(scopes: string): string {
  const tokens = scopes.split(' ').filter((scope) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope));
  return `Bearer error="insufficient_scope", scope="${tokens.join(' ')}"`;
}
