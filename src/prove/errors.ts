/** Codes of this folder. */
export const proveCodes = ['prove.unknown-attack', 'prove.no-agent'] as const;

export type ProveCode = (typeof proveCodes)[number];
