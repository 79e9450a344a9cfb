import type { Operation, SchemaPin } from '../api/openapi.ts';
import type { Denial, Reason } from '../api/record.ts';

/** A request's method and path found in the document. */
export interface OperationMatch {
  readonly kind: 'match';
  readonly operation: Operation;
  /** Path parameters, decoded, by name. Null prototype. */
  readonly params: Readonly<Record<string, string>>;
  /** The same as they stood in the path, in the template's order: what `checkParameters` takes. */
  readonly rawParams: readonly string[];
}

/** What the document says about a method and path. */
export type MatchResult =
  | OperationMatch
  | { readonly kind: 'no-path' }
  /** `allow`: the methods that are declared for the path, for the `Allow` header field. */
  | { readonly kind: 'no-method'; readonly allow: readonly string[] };

/** Where `checkParameters` reads a request from. The gateway's request object can be one itself. */
export interface ParameterSource {
  readonly rawParams: readonly string[];
  /** The query as received, without `?`; empty where there is none. */
  readonly query: string;
  /** The field's value by lower-case name, repeated fields joined with a comma. */
  header(name: string): string | undefined;
  /** The `Cookie` field as received. */
  readonly cookie: string | undefined;
}

/** What is wrong with a response. `leak`: it holds a field that the document does not declare, or a write-only one. */
export interface ResponseFinding {
  readonly severity: 'leak' | 'mismatch';
  readonly reason: Reason;
}

/**
 * The checks of one document, compiled. All are synchronous and none throws on hostile input. A `Denial` says why the
 * request must not pass; undefined says that it may. Malformed input and breaches of a schema are both 400: the
 * distinction that 422 draws tells an attacker more than it helps a client, who reads the reason anyway.
 */
export interface ApiValidator {
  /** Finds the operation. `path`: normalised, still percent-encoded where it must be, without the query. Static segments win over parameters. */
  match(method: string, path: string): MatchResult;
  /** 404 or 405 for a request that no operation declares; undefined for a match. */
  checkDeclared(result: MatchResult): Denial | undefined;
  /** Path, query, header and cookie parameters. 400. */
  checkParameters(operation: Operation, source: ParameterSource): Denial | undefined;
  /**
   * What can be said before the body is read: whether there may be one (400), must be one (400), and of which media
   * type (415). `contentType`: the field's value; `hasBody`: the request announces content.
   */
  checkContentType(operation: Operation, contentType: string | undefined, hasBody: boolean): Denial | undefined;
  /** Whether the gateway must buffer the body for `checkBody`; where not, `checkContentType` says all there is to say. */
  needsBody(operation: Operation, contentType?: string): boolean;
  /** The largest body that `operation` can use, derived from its schemas; undefined: they set no bound. */
  maxBodyBytes(operation: Operation): number | undefined;
  /** The whole body; includes what `checkContentType` checks. 400, 413, 415. */
  checkBody(operation: Operation, contentType: string | undefined, bytes: Buffer): Denial | undefined;
  /** The service's answer against the declaration: status, headers, body. Empty: all as declared. */
  checkResponse(operation: Operation, response: ResponseSource): readonly ResponseFinding[];
  /**
   * Compiles the schemas of one side of `operation` now and not with its first request, which for a large one takes a
   * tenth of a second. A gateway that is idle after a new snapshot does this operation by operation.
   */
  prepare(operation: Operation, side: 'request' | 'response'): void;
  /** Parameters and fields whose values cannot carry an attack, because `checkParameters` and `checkBody` leave them no room. */
  schemaPins(operation: Operation): readonly SchemaPin[];
  /** `Deprecation` (RFC 9745) and `Sunset` (RFC 8594) fields for the answer of a deprecated operation; undefined for others. */
  deprecationHeaders(operation: Operation): Readonly<Record<string, string>> | undefined;
}

/** Where `checkResponse` reads an answer from. */
export interface ResponseSource {
  readonly status: number;
  header(name: string): string | undefined;
  /** Undefined: the body was not buffered and is not checked. */
  readonly body: Buffer | undefined;
}
