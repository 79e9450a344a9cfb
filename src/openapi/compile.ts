import type { OpenApiDocument, Operation, Schema } from '../api/openapi.ts';
import type { Denial } from '../api/record.ts';
import type { ApiValidator, MatchResult } from './api-validator.ts';
import { type OpenApiOptions, type Settings, settingsOf } from './config.ts';
import { compileMatcher } from './match/matcher.ts';
import { type CompiledBody, compileBody } from './validate/body.ts';
import { deny } from './validate/deny.ts';
import { type CheckParameters, compileParameters } from './validate/parameters.ts';
import { pinsOf } from './validate/pins.ts';
import { type CheckResponse, compileResponses } from './validate/response.ts';
import { createSchemaCompiler } from './validate/schema-compiler.ts';

/** What is made of one operation, each part when it is first used. */
interface CompiledOperation {
  parameters?: CheckParameters;
  body?: CompiledBody;
  responses?: CheckResponse;
}

/** The checks of `document`. Returns at once whatever its size: an operation is compiled when its first request comes. */
export function compileOpenApi(document: OpenApiDocument, options: OpenApiOptions = {}): ApiValidator {
  const settings = settingsOf(options);
  const basePaths = settings.basePath === undefined ? document.basePaths : [settings.basePath.replace(/\/$/, '')];
  const requests = createSchemaCompiler(document, 'request', settings.refuseUnknownFields);
  const answers = createSchemaCompiler(document, 'response', settings.refuseUnknownFields);
  const compiled = new Map<Operation, CompiledOperation>(document.operations.map((operation) => [operation, {}]));
  const of = (operation: Operation): CompiledOperation => {
    const found = compiled.get(operation);
    if (found === undefined) throw new TypeError(`the operation ${operation.id} belongs to another document`);
    return found;
  };
  const parametersOf = (operation: Operation) =>
    (of(operation).parameters ??= compileParameters(document, operation, settings, requests));
  const bodyOf = (operation: Operation) =>
    (of(operation).body ??= compileBody(document, operation, settings, requests));
  const responsesOf = (operation: Operation) =>
    (of(operation).responses ??= compileResponses(document, operation, settings, answers));
  return {
    match: compileMatcher(document.operations, basePaths),
    checkDeclared: (result) => (settings.checksDeclared ? checkDeclared(result) : undefined),
    checkParameters: (operation, source) => (settings.checksParameters ? parametersOf(operation)(source) : undefined),
    checkContentType: (operation, contentType, hasBody) =>
      settings.checksBody ? bodyOf(operation).checkContentType(contentType, hasBody) : undefined,
    needsBody: (operation, contentType) => settings.checksBody && bodyOf(operation).needsBody(contentType),
    maxBodyBytes: (operation) => (settings.checksBody ? bodyOf(operation).maxBytes : undefined),
    checkBody: (operation, contentType, bytes) =>
      settings.checksBody ? bodyOf(operation).check(contentType, bytes) : undefined,
    checkResponse: (operation, response) => responsesOf(operation)(response),
    prepare: (operation, side) => {
      const compiler = side === 'request' ? requests : answers;
      for (const schema of schemasOf(operation, side)) compiler.compile(schema)(undefined);
    },
    schemaPins: (operation) => pinsOf(document, operation, checksOf(settings)),
    deprecationHeaders,
  };
}

function schemasOf(operation: Operation, side: 'request' | 'response'): readonly Schema[] {
  const content =
    side === 'request' ? (operation.body?.content ?? []) : operation.responses.flatMap((response) => response.content);
  const headers =
    side === 'request' ? operation.parameters : operation.responses.flatMap((response) => response.headers);
  return [...headers.map(({ schema }) => schema), ...content.map(({ schema }) => schema ?? true)];
}

function checksOf(settings: Settings): { parameters: boolean; body: boolean } {
  return { parameters: settings.checksParameters, body: settings.checksBody };
}

function checkDeclared(result: MatchResult): Denial | undefined {
  switch (result.kind) {
    case 'match':
      return undefined;
    case 'no-path':
      return deny(404, undefined, 'openapi.undeclared-operation', 'the API has no such path', {
        claim: 'path',
        fix: 'call a path that the document declares, or declare this one',
      });
    case 'no-method': {
      const allow = result.allow.join(', ');
      const denial = deny(405, undefined, 'openapi.undeclared-method', 'the path does not take this method', {
        claim: 'method',
        expected: allow,
        fix: `use ${allow}`,
      });
      return { ...denial, headers: { allow } };
    }
  }
}

function deprecationHeaders(operation: Operation): Readonly<Record<string, string>> | undefined {
  if (!operation.deprecated) return undefined;
  // RFC 9745 wants the moment of deprecation, which OpenAPI does not tell: the epoch says "has long been".
  const headers = { deprecation: '@0' };
  return operation.sunset === undefined ? headers : { ...headers, sunset: new Date(operation.sunset).toUTCString() };
}
