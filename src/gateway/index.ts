export type { ReachService } from './compile.ts';
export { filterTable } from './filters/index.ts';
export { createGateway, type Gateway, type GatewayOptions } from './gateway.ts';
export type { OwnSvid, RecordDecision, VerifySvid } from './ports.ts';
