export type {
  ApiValidator,
  MatchResult,
  OperationMatch,
  ParameterSource,
  ResponseFinding,
  ResponseSource,
} from './api-validator.ts';
export { compileOpenApi } from './compile.ts';
export type { OpenApiOptions } from './config.ts';
export { denialCodes, formatNote, OpenApiError, problemCodes, warningCodes } from './errors.ts';
export { type CheckGraphql, compileGraphql } from './graphql/guard.ts';
export { type CheckGrpc, compileGrpc, readGrpcMethods } from './grpc/methods.ts';
export { createDocumentReader } from './load/document-reader.ts';
export { type LoadOptions, loadOpenApi, type ReadFile } from './load/load.ts';
export { compileMask, type MaskRoot } from './mask/mask-place.ts';
export { createMaskStream, type MaskStream } from './mask/mask-stream.ts';
export { type MaskedJson, type MaskPlace, maskJson } from './mask/rewrite.ts';
export { jsonKindOf } from './media/media-type.ts';
export { createEndpointReport, type EndpointReport, type EndpointVisit } from './report.ts';
export type { Mutation } from './sample/mutations.ts';
export type { SampleRequest } from './sample/request.ts';
export { createSampler, type Sampler } from './sample/sampler.ts';
