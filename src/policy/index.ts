export { type Authorizer, createAuthorizer } from './authorizer.ts';
export { type EntityJson, type EntitySource, EntityStore, noEntities } from './entities.ts';
export { operationAction } from './entity-model.ts';
export { type AuthzCode, authzCodes, type PolicyErrorCode, policyErrorCodes } from './errors.ts';
export { createGatewayAuthorizer, type GatewayAuthorizer } from './gateway-authorizer.ts';
export type { CedarRequest } from './request.ts';
export { type CedarRecord, CedarSet, EntityUid, emptyRecord, MapRecord, type Value } from './values.ts';
export { recordOf, uidOf, type ValueJson, valueOfJson } from './values-json.ts';
export type { PolicyError, Verdict } from './verdict.ts';
