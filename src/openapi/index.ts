// Public face, stated first: `loadOpenApi`, `compileOpenApi`, `createEndpointReport`, `sampleRequest` and `mutations` follow.
export type {
  ApiValidator,
  MatchResult,
  OperationMatch,
  ParameterSource,
  ResponseFinding,
  ResponseSource,
} from './api-validator.ts';
export type { OpenApiOptions } from './config.ts';
export { denialCodes, formatNote, OpenApiError, problemCodes, warningCodes } from './errors.ts';
export { type LoadOptions, loadOpenApi, type ReadFile } from './load/load.ts';
