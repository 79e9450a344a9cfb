/** Codes of what this folder throws or reports. */
export const policyErrorCodes = [
  /** A policy's text is no Cedar. */
  'policy.syntax',
  /** A policy nests deeper, or has more operators, than can be parsed safely. */
  'policy.too-complex',
  /** A policy reads what the schema does not have, or compares what cannot be compared. */
  'policy.invalid',
  /** Two policies have one `@id`. */
  'policy.duplicate-id',
  /** A template link names a template or slot that is not there. */
  'policy.link',
  /** The schema is no Cedar schema. */
  'policy.schema',
  /** The model contradicts itself: an owner rule names a parameter that no operation has. */
  'policy.model',
  /** A snapshot holds an operator that Cedar does not have. */
  'policy.expression',
  /** A value is none that Cedar can hold. */
  'policy.value',
] as const;

export type PolicyErrorCode = (typeof policyErrorCodes)[number];

/** Codes of denials. */
export const authzCodes = [
  /** A policy forbids it, or none permits it. */
  'authz.denied',
  /** The token lacks a scope that the manifest asks for. */
  'authz.scope-missing',
  /** The caller has none of the roles that the manifest asks for. */
  'authz.role-missing',
  /** The object belongs to somebody else. */
  'authz.not-owner',
  /** The route wants a caller, and there is none. */
  'authz.unauthenticated',
  /** A policy that may forbid it could not be evaluated. */
  'authz.unevaluated',
] as const;

export type AuthzCode = (typeof authzCodes)[number];
