// What the command line alone runs, and no role need load: a manifest from what lies in a folder, its schema, its reference.
export { type Discovery, discoverManifest } from './discover/discover.ts';
export type { DiscoveredEdge, DiscoveredEgress, Evidence } from './discover/edges.ts';
export type { DiscoveredRoute } from './discover/entrances.ts';
export { type DiscoveryCode, type DiscoveryFinding, discoveryCodes, type Place } from './discover/facts.ts';
export { formatFindings } from './discover/format.ts';
export type { DiscoveredService } from './discover/services.ts';
export { type JsonSchema, manifestJsonSchema } from './json-schema.ts';
export { manifestReference } from './reference.ts';
