import type { Decision } from '../api/record.ts';

/** A credential in use: chain and key, PEM. */
export interface Credential {
  readonly certificate: string;
  readonly key: string;
}

/** The SVID of `spiffeId` that is valid now; undefined where this agent has none (yet). */
export type CurrentSvid = (spiffeId: string) => Credential | undefined;

/** The SPIFFE ID of a chain (DER, leaf first), or the code of what is wrong with it. */
export type VerifySvid = (chain: readonly Buffer[]) => { readonly spiffeId: string } | { readonly code: string };

/** Takes a decision for the ledger. Must not throw or block. */
export type RecordDecision = (decision: Decision) => void;
