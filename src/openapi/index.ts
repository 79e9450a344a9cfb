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
export { type CheckGrpc, compileGrpc } from './grpc/methods.ts';
export { compileMask, type MaskRoot } from './mask/mask-place.ts';
export { createMaskStream, type MaskStream } from './mask/mask-stream.ts';
export { type MaskedJson, type MaskPlace, maskJson } from './mask/rewrite.ts';
export { jsonKindOf } from './media/media-type.ts';
export { createEndpointReport, type EndpointReport, type EndpointVisit } from './report.ts';
