/** Codes of this folder. */
export const proveCodes = [
  // a token was asked for and no issuer of ours makes one
  'prove.no-issuer',
] as const;

export type ProveCode = (typeof proveCodes)[number];
