export { splitCommand } from './schema/command.ts';
export type { Route, ScopesByMethod } from './schema/routes.ts';
export type { DataClass, SecretReference, Service } from './schema/services.ts';
export type { Address, Endpoint, Method, Network, WrittenRate } from './schema/terms.ts';
export { type Manifest, type ManifestInput, manifestSchema } from './schema.ts';
