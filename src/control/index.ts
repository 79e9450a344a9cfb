export type { AcmeConfig } from './acme/config.ts';
export { type AcmeKeeper, createAcmeKeeper } from './acme/keeper.ts';
export type { AcmeFetch, PresentChallenges } from './acme/ports.ts';
export { createGuard } from './admin/guard.ts';
export { createAdminHandler } from './admin/handler.ts';
export { adminOperations } from './admin/operations.ts';
export type { AdminPorts } from './admin/ports.ts';
export { compileAgentSnapshot, fixedPorts, portPurposes } from './compile/agent.ts';
export {
  compileGatewaySnapshot,
  type GatewayFacts,
  readCertificate,
  readNamedCertificate,
} from './compile/gateway.ts';
export { roleId, routeName, serverName, serviceId } from './compile/names.ts';
export { compilePolicyModel } from './compile/policy-model.ts';
export { compileSupervisorSnapshot } from './compile/supervisor.ts';
export { compileWafSection } from './compile/waf.ts';
export { readWafRules, usesWaf, type WafRuleFiles } from './compile/waf-rules.ts';
export { createDistributor, type Distributor, type Versioned } from './distributor.ts';
export { answerSvidRequest, type IssueSvid, mayRequestSvid } from './svids.ts';
export { allocatePorts, type PortOf } from './topology.ts';
export { watchPaths } from './watch.ts';
