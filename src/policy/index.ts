export { type Authorizer, createAuthorizer, type PolicyError, type Verdict } from './authorizer.ts';
export { type CompiledSource, compilePolicySource, type PolicySource, type TemplateLink } from './compile-source.ts';
export { type EntityJson, type EntitySource, EntityStore, noEntities } from './entities.ts';
export type { CedarRequest } from './request.ts';
export { type CedarRecord, CedarSet, EntityUid, emptyRecord, MapRecord, type Value } from './values.ts';
export { recordOf, uidOf, type ValueJson, valueOf } from './values-json.ts';
