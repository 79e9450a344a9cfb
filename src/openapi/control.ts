import type { OpenApiDocument } from '../api/openapi.ts';
import type { Sampler } from './sample/sampler.ts';

// What control and the command line run: documents from text, and requests made of them. The data plane need not load it.
export { readGrpcMethods } from './grpc/methods.ts';
export { createDocumentReader } from './load/document-reader.ts';
export { type LoadOptions, loadOpenApi, type ReadFile } from './load/load.ts';
export { createSharedParser, type SharedParser } from './load/shared-parser.ts';
export { createEndpointReport, type EndpointReport } from './report.ts';
export type { Mutation } from './sample/mutations.ts';
export type { SampleRequest } from './sample/request.ts';
export type { Sampler } from './sample/sampler.ts';

/** Requests made up from `document`. The compiler of schemas is loaded by the first call, so that a role which makes none does not carry it. */
export async function createSampler(document: OpenApiDocument): Promise<Sampler> {
  const sampler = await import('./sample/sampler.ts');
  return sampler.createSampler(document);
}
