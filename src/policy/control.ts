// What control and the command line run: policies from text to compiled form, and plans of a change. The data plane need not load it.
export { type BaselineCheck, checkModel, generateBaseline } from './baseline.ts';
export { baselineFile, type CompiledGateway, compileGatewayPolicies, type GatewaySource } from './compile-gateway.ts';
export { type CompiledSource, compilePolicySource, type PolicySource, type TemplateLink } from './compile-source.ts';
export { planPolicies } from './plan.ts';
export { recordedRequest } from './recorded-request.ts';
export { type CedarSchemaJson, generateSchema } from './schema.ts';
export type { PolicyFile } from './split-policies.ts';
