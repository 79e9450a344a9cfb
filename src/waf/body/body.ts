export interface XmlElement {
  /** Without its prefix. */
  readonly name: string;
  readonly attributes: readonly (readonly [name: string, value: string])[];
  readonly children: XmlElement[];
  /** Own text, CDATA included. */
  text: string;
}

export interface XmlDocument {
  readonly root: XmlElement;
}

/** A named value of a body. */
export interface BodyField {
  readonly name: string;
  readonly value: string;
  /** Where it stands, for schema pins: a JSON pointer with `*` for any index. */
  readonly pointer: string;
}

/** One part of a multipart body. */
export interface BodyPart {
  readonly name: string;
  /** Undefined: an ordinary field. */
  readonly fileName: string | undefined;
  /** Lines as received. */
  readonly headers: readonly string[];
  readonly content: string;
}

/** What a processor made of a body. */
export interface ParsedBody {
  readonly fields: readonly BodyField[];
  readonly parts: readonly BodyPart[];
  readonly xml: XmlDocument | undefined;
  /** Why it could not be read to its end. */
  readonly error: string | undefined;
  /** Names of multipart faults: `MULTIPART_BOUNDARY_QUOTED`. */
  readonly faults: ReadonlySet<string>;
}

export const emptyBody: ParsedBody = { fields: [], parts: [], xml: undefined, error: undefined, faults: new Set() };

export const failedBody = (error: string, read: Partial<ParsedBody> = {}): ParsedBody => ({
  ...emptyBody,
  ...read,
  error,
});

export interface BodyLimits {
  /** Fields, parts, or nodes. */
  readonly maxFields: number;
  readonly maxDepth: number;
}

/** Reads a body (a byte string) of the content type. */
export type BodyProcessor = (body: string, contentType: string, limits: BodyLimits) => ParsedBody;
