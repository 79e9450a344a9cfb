// What control and the command line run: the ledger, its verification, explanations. The data plane need not load it.
export { type Checkpoint, createEd25519Signer, openCheckpoint, rawPublicKey } from './checkpoint.ts';
export { type LedgerOptions, ledgerDefaults } from './config.ts';
export { type ExplainedStep, type Explanation, explain, type Fact } from './explain.ts';
export { escapeForTerminal, type FormatOptions, formatExplanation } from './format-explanation.ts';
export { formatReport } from './format-report.ts';
export { type Appended, createLedger, type Ledger } from './ledger.ts';
export { formatVerifierKey, parseVerifierKey, type VerifierKey } from './note.ts';
export { type OcsfEvent, toOcsf } from './ocsf.ts';
export type { AppendFile, LedgerSigner, OpenAppendFile } from './ports.ts';
export { type ConsistencyProof, type InclusionProof, verifyConsistency, verifyInclusion } from './proof.ts';
export type { LedgerQuery } from './record-index.ts';
export { tryParseRecord } from './record-schema.ts';
export { ledgerRecords } from './scan.ts';
export { type LedgerReport, type VerifyOptions, verifyLedger } from './verify.ts';
export type { LedgerFault } from './verify-walk.ts';
