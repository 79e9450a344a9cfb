import type { Decision } from '../api/record.ts';

/** Takes a decision for the ledger. Must not throw or block. */
export type RecordDecision = (decision: Decision) => void;

/** The gateway's own SVID that is valid now, PEM. Throws while there is none. */
export type OwnSvid = () => { readonly certificate: string; readonly key: string };

/** The SPIFFE ID of a chain (DER, leaf first), or the code of what is wrong with it. */
export type VerifySvid = (chain: readonly Buffer[]) => { readonly spiffeId: string } | { readonly code: string };
