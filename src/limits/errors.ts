import { MerlonError } from '../core/errors.ts';

/** Every code of this folder. `limits.exceeded` and `limits.too-many-at-once` stand in denials, the rest are thrown. */
export const limitsErrorCodes = [
  'limits.exceeded',
  'limits.too-many-at-once',
  'limits.too-costly',
  'limits.unknown-limit',
  'limits.bad-address',
] as const;

export type LimitsErrorCode = (typeof limitsErrorCodes)[number];

/** A limit was asked for that no snapshot names: a fault of this program. */
export function unknownLimit(limitId: string): MerlonError {
  return new MerlonError({ code: 'limits.unknown-limit', message: `there is no limit \`${limitId}\`` });
}
