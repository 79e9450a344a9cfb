import type { OpenApiDocument, Operation } from '../../api/openapi.ts';
import { createSchemaCompiler } from '../validate/schema-compiler.ts';
import { type Mutation, mutate } from './mutations.ts';
import { type SampleRequest, sampleParts, writeRequest } from './request.ts';

/** Makes up requests from a document, always the same ones. */
export interface Sampler {
  /** A valid, minimal request; undefined where the schemas are beyond making up. Carries no credential. */
  sampleRequest(operation: Operation): SampleRequest | undefined;
  /** Requests that must be refused, each wrong in one way; empty where there is no valid one to start from. */
  mutations(operation: Operation): readonly Mutation[];
}

/** A sampler for `document`. */
export function createSampler(document: OpenApiDocument): Sampler {
  const compiler = createSchemaCompiler(document, 'request', true);
  const partsOf = (operation: Operation) => sampleParts(document, operation, compiler);
  return {
    sampleRequest: (operation) => {
      const parts = partsOf(operation);
      return parts && writeRequest(parts);
    },
    mutations: (operation) => {
      const parts = partsOf(operation);
      return parts === undefined ? [] : mutate(document, parts);
    },
  };
}
