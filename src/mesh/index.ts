export { createEgress, type Egress, isAllowedDestination } from './egress.ts';
export { createInbound, type Inbound } from './inbound.ts';
export { createOutbound, type Outbound } from './outbound.ts';
export type { Credential, CurrentSvid, RecordDecision, VerifySvid } from './ports.ts';
