import type { MediaType, OpenApiDocument, Operation } from '../../api/openapi.ts';
import type { Denial } from '../../api/record.ts';
import type { Settings } from '../config.ts';
import {
  type ContentKind,
  kindOf,
  matchesRange,
  type ParsedMediaType,
  tryParseMediaType,
} from '../media/media-type.ts';
import { compileContent, hasKnownCharset, type ReadContent } from './content.ts';
import { deny, shown } from './deny.ts';
import type { CheckValue, SchemaCompiler } from './schema-compiler.ts';
import { explain } from './schema-error.ts';
import { isBytes } from './schema-shape.ts';
import { maxBytesOf } from './size.ts';

/** The checks of one operation's request body. */
export interface CompiledBody {
  checkContentType(contentType: string | undefined, hasBody: boolean): Denial | undefined;
  needsBody(contentType: string | undefined): boolean;
  /** Undefined: nothing bounds it. */
  readonly maxBytes: number | undefined;
  check(contentType: string | undefined, bytes: Buffer): Denial | undefined;
}

interface CompiledMedia {
  readonly media: MediaType;
  readonly read: ReadContent;
  readonly check: CheckValue;
}

interface Context {
  readonly document: OpenApiDocument;
  readonly operation: Operation;
  readonly settings: Settings;
  readonly compiler: SchemaCompiler;
}

/** What a request announced, found among what is declared. */
interface Chosen {
  readonly media: MediaType;
  readonly kind: ContentKind;
  readonly type: ParsedMediaType;
}

export function compileBody(
  document: OpenApiDocument,
  operation: Operation,
  settings: Settings,
  compiler: SchemaCompiler,
): CompiledBody {
  const context: Context = { document, operation, settings, compiler };
  const content = operation.body?.content ?? [];
  const compiled = new Map<MediaType, Partial<Record<ContentKind, CompiledMedia>>>(content.map((media) => [media, {}]));
  const maxBytes = operation.body === undefined ? 0 : boundOf(document, content, settings);
  const limit = Math.min(maxBytes ?? settings.maxBodyBytes, settings.maxBodyBytes);
  const compiledOf = ({ media, kind }: Chosen): CompiledMedia => {
    const kinds = compiled.get(media) as Partial<Record<ContentKind, CompiledMedia>>;
    return (kinds[kind] ??= {
      media,
      read: compileContent(document, media, kind, settings),
      check: compiler.compile(media.schema ?? true),
    });
  };
  // Most requests announce the same, and each is asked for it several times.
  let former: { readonly contentType: string; readonly chosen: Chosen } | undefined;
  const choose = (contentType: string | undefined, hasBody: boolean): Chosen | Denial | undefined => {
    if (hasBody && former !== undefined && former.contentType === contentType) return former.chosen;
    const chosen = negotiate(context, contentType, hasBody);
    if (contentType !== undefined && chosen !== undefined && 'media' in chosen) former = { contentType, chosen };
    return chosen;
  };
  return {
    maxBytes,
    checkContentType: (contentType, hasBody) => {
      const chosen = choose(contentType, hasBody);
      return chosen !== undefined && 'status' in chosen ? chosen : undefined;
    },
    needsBody: (contentType) =>
      former !== undefined && former.contentType === contentType
        ? former.chosen.kind !== 'opaque'
        : mayNeedBody(content, contentType),
    check: (contentType, bytes) => {
      const chosen = choose(contentType, bytes.length > 0);
      if (chosen === undefined || 'status' in chosen) return chosen;
      if (chosen.kind === 'opaque') return undefined;
      if (bytes.length > limit) return tooLarge(context, limit);
      return checkValue(context, compiledOf(chosen), chosen.type, bytes);
    },
  };
}

/** Where unknown fields are let through, no schema bounds a body. */
function boundOf(document: OpenApiDocument, content: readonly MediaType[], settings: Settings): number | undefined {
  return settings.refuseUnknownFields
    ? largest(content.map((media) => maxBytesOf(document.schemas, media)))
    : undefined;
}

/** The bound of all alternatives: none where one of them has none. */
function largest(bounds: readonly (number | undefined)[]): number | undefined {
  return bounds.reduce<number | undefined>(
    (most, bound) => (most === undefined || bound === undefined ? undefined : Math.max(most, bound)),
    0,
  );
}

function mayNeedBody(content: readonly MediaType[], contentType: string | undefined): boolean {
  const type = contentType === undefined ? undefined : tryParseMediaType(contentType);
  if (type === undefined) return content.length > 0;
  return content.some((media) => matchesRange(media.range, type.essence)) && kindOf(type.essence) !== 'opaque';
}

/** The declared media type that the request is of; undefined: there is nothing to check. */
function negotiate(context: Context, contentType: string | undefined, hasBody: boolean): Chosen | Denial | undefined {
  const { operation } = context;
  const { body } = operation;
  if (!hasBody) return body?.required === true ? missingBody(operation) : undefined;
  if (body === undefined) return unexpectedBody(operation);
  const type = contentType === undefined ? undefined : tryParseMediaType(contentType);
  const media = type && body.content.find(({ range }) => matchesRange(range, type.essence));
  if (type === undefined || media === undefined) return wrongMediaType(operation, contentType, body.content);
  const kind = kindOf(type.essence);
  // A range says what the content must look like; under a type that cannot be looked into, anything would pass for it.
  const isUncheckable = kind === 'opaque' && media.range.includes('*') && !isBytes(media.schema);
  if (isUncheckable || !hasKnownCharset(kind, type)) return wrongMediaType(operation, contentType, body.content);
  return { media, kind, type };
}

function checkValue(
  { document, operation }: Context,
  { media, read, check }: CompiledMedia,
  type: ParsedMediaType,
  bytes: Buffer,
): Denial | undefined {
  const result = read(bytes, type);
  if ('fault' in result) {
    const { code, message, pointer } = result.fault;
    const claim = `body${pointer === undefined ? '' : ` ${shown(pointer)}`}`;
    return deny(code === 'openapi.media-type' ? 415 : 400, operation, code, `the body ${message}`, { claim });
  }
  const errors = check(result.value);
  if (errors === undefined) return undefined;
  const breach = explain(errors, {
    schemas: document.schemas,
    schema: media.schema ?? true,
    direction: 'request',
    place: 'body',
  });
  return deny(400, operation, breach.code, breach.message, breach.facts);
}

function missingBody(operation: Operation): Denial {
  return deny(400, operation, 'openapi.missing-body', 'the body is missing', {
    claim: 'body',
    expected: 'present',
    actual: 'absent',
    fix: 'send a body',
  });
}

function unexpectedBody(operation: Operation): Denial {
  return deny(400, operation, 'openapi.unexpected-body', 'the operation takes no body', {
    claim: 'body',
    expected: 'absent',
    actual: 'present',
    fix: 'send the request without a body',
  });
}

function wrongMediaType(operation: Operation, contentType: string | undefined, content: readonly MediaType[]): Denial {
  const expected = shown(content.map(({ range }) => range).join(', '));
  const denial = deny(415, operation, 'openapi.media-type', 'the media type of the body is not declared', {
    claim: 'header content-type',
    expected,
    actual: contentType === undefined ? 'absent' : shown(contentType),
    fix: `send \`Content-Type: ${content[0]?.range ?? 'application/json'}\``,
  });
  // RFC 9110, section 15.5.16: what would have been taken.
  return { ...denial, headers: { accept: content.map(({ range }) => range).join(', ') } };
}

function tooLarge({ operation }: Context, limit: number): Denial {
  return deny(413, operation, 'openapi.body-too-large', `the body is larger than ${limit} bytes`, {
    claim: 'body',
    expected: `at most ${limit} bytes`,
    fix: 'send a smaller body',
  });
}
