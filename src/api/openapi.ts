// An OpenAPI document as it travels from control to the gateway: one plain JSON value without references to files,
// its schemas all in the dialect of JSON Schema 2020-12 whatever version of OpenAPI they were written in.

/** Any JSON value. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export type SchemaType = 'null' | 'boolean' | 'integer' | 'number' | 'string' | 'array' | 'object';

/** How the value of one property names the schema that the whole object must match (OpenAPI 3.1.1, section 4.8.25). */
export interface Discriminator {
  readonly propertyName: string;
  /** Value of the property to key in `OpenApiDocument.schemas`; complete, implicit names included. */
  readonly mapping: Readonly<Record<string, string>>;
}

/** A normalised schema. Keywords that only describe (`title`, `description` ...) are gone. */
export interface SchemaObject {
  /** A key of `OpenApiDocument.schemas`, not a URI. */
  readonly $ref?: string;
  readonly type?: SchemaType | readonly SchemaType[];
  readonly format?: string;
  readonly enum?: readonly JsonValue[];
  readonly const?: JsonValue;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly items?: Schema;
  readonly prefixItems?: readonly Schema[];
  readonly contains?: Schema;
  readonly minContains?: number;
  readonly maxContains?: number;
  readonly unevaluatedItems?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly unevaluatedProperties?: Schema;
  readonly propertyNames?: Schema;
  readonly required?: readonly string[];
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly dependentRequired?: Readonly<Record<string, readonly string[]>>;
  readonly dependentSchemas?: Readonly<Record<string, Schema>>;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly not?: Schema;
  readonly if?: Schema;
  readonly then?: Schema;
  readonly else?: Schema;
  readonly discriminator?: Discriminator;
  readonly readOnly?: boolean;
  readonly writeOnly?: boolean;
  readonly default?: JsonValue;
  /** At most one, for samples. */
  readonly examples?: readonly JsonValue[];
  /** Its values are never shown, not even to the operator. */
  readonly 'x-merlon-sensitive'?: boolean;
}

export type Schema = boolean | SchemaObject;

export type ParameterLocation = 'path' | 'query' | 'header' | 'cookie';
export type ParameterStyle = 'simple' | 'label' | 'matrix' | 'form' | 'spaceDelimited' | 'pipeDelimited' | 'deepObject';

/** One declared parameter, its defaults filled in. */
export interface Parameter {
  /** As declared; header names in lower case. */
  readonly name: string;
  readonly in: ParameterLocation;
  readonly required: boolean;
  readonly style: ParameterStyle;
  readonly explode: boolean;
  readonly allowEmptyValue?: boolean;
  readonly deprecated?: boolean;
  readonly schema: Schema;
  /** Set where the value is a document of this media type (`content`) and not text of `style`. */
  readonly mediaType?: string;
  readonly example?: JsonValue;
}

/** How one property of a form is written. */
export interface FormEncoding {
  readonly contentType?: string;
  readonly style: ParameterStyle;
  readonly explode: boolean;
}

/** One entry of a `content` map. */
export interface MediaType {
  // A media type or range, lower case, without parameters: `application/json`, `image/*`, `*/*`.
  readonly range: string;
  /** Absent: the content is not looked into. */
  readonly schema?: Schema;
  /** Per property, for form content. */
  readonly encoding?: Readonly<Record<string, FormEncoding>>;
  readonly example?: JsonValue;
}

export interface RequestBody {
  readonly required: boolean;
  readonly content: readonly MediaType[];
}

export interface ResponseDeclaration {
  /** `200`, `4XX` or `default`. */
  readonly status: string;
  readonly headers: readonly Parameter[];
  /** Empty: a response without content. */
  readonly content: readonly MediaType[];
}

/** A credential that the document places in the request, and which is therefore not an unknown parameter. */
export interface CredentialParameter {
  readonly in: 'query' | 'header' | 'cookie';
  readonly name: string;
}

/** One operation: a method on a path template. */
export interface Operation {
  /** `operationId`, or `GET /orders/{id}` where there is none. Unique in the document. */
  readonly id: string;
  /** In upper case. */
  readonly method: string;
  /** `/orders/{id}`. */
  readonly template: string;
  readonly parameters: readonly Parameter[];
  readonly body?: RequestBody;
  readonly responses: readonly ResponseDeclaration[];
  /** Alternatives, each a set of scopes that must all be granted; empty: no credential is demanded. */
  readonly security: readonly SecurityAlternative[];
  readonly credentials: readonly CredentialParameter[];
  readonly deprecated: boolean;
  /** `x-sunset`: the day (RFC 3339) on which a deprecated operation goes away. */
  readonly sunset?: string;
  /** `x-merlon-data`, of the operation, its path and its document: `pii`, `payment` ... */
  readonly dataClasses: readonly string[];
}

/** One way to satisfy the security requirement: all of these schemes. Without schemes: anonymous access. */
export interface SecurityAlternative {
  readonly schemes: readonly string[];
  /** OAuth 2.0 and OpenID Connect scopes of all schemes together. */
  readonly scopes: readonly string[];
}

/** A place in a source file and what is remarkable about it. */
export interface DocumentNote {
  readonly code: string;
  readonly message: string;
  /** `openapi.yaml:12:5`. */
  readonly at: string;
  readonly hint?: string;
}

/** A whole document. Plain data: it survives JSON. */
export interface OpenApiDocument {
  /** Version of this shape. */
  readonly format: 1;
  readonly title: string;
  readonly version: string;
  /** Paths of the declared servers, without a trailing slash; one empty text where none is declared. */
  readonly basePaths: readonly string[];
  readonly operations: readonly Operation[];
  /** Every schema that another refers to, by key. */
  readonly schemas: Readonly<Record<string, Schema>>;
  /** What loads but deserves a look. */
  readonly warnings: readonly DocumentNote[];
}

/** Why the values of a parameter or field cannot carry an attack: the schema leaves them no room. */
export type PinKind = 'integer' | 'number' | 'boolean' | 'uuid' | 'date' | 'date-time' | 'enum' | 'pattern';

/** A place in a request whose values the schema pins to a harmless alphabet. */
export interface SchemaPin {
  readonly in: ParameterLocation | 'body';
  // Parameter name; or, for the body, a JSON pointer in which `*` stands for any array index: `/items/*/sku`.
  readonly name: string;
  readonly kind: PinKind;
}

/** Bounds of a GraphQL endpoint, whose every request is a `POST` to one path. */
export interface GraphqlLimits {
  /** Deepest nesting of fields, fragments followed. */
  readonly maxDepth: number;
  /** Fields that are given another name: the way to ask the same thing many times in one request. */
  readonly maxAliases: number;
  /** Sum over all fields, each times the page sizes (`first`, `last`, `limit` ...) of the fields around it. */
  readonly maxCost: number;
  /** Directives in a document. */
  readonly maxDirectives: number;
  /** Lexical tokens of a document. */
  readonly maxTokens: number;
  /** Operations in one request: entries of a batch. */
  readonly maxBatch: number;
  /** Whether `__schema` and `__type` may be asked for. */
  readonly introspection: boolean;
}

/** What a GraphQL endpoint gets that says no more. */
export const defaultGraphqlLimits: GraphqlLimits = {
  maxDepth: 10,
  maxAliases: 15,
  maxCost: 5000,
  maxDirectives: 30,
  maxTokens: 2000,
  maxBatch: 1,
  introspection: false,
};

/** One method of a gRPC service. */
export interface GrpcMethod {
  /** `/shop.v1.Orders/Get`, as it stands in the request. */
  readonly path: string;
  readonly clientStreaming: boolean;
  readonly serverStreaming: boolean;
}
