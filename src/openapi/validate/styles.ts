// How text stands for lists and objects (OpenAPI 3.1.1, section 4.8.12.3; RFC 6570). All of this happens before
// percent-decoding, since only an undecoded delimiter delimits.
import type { ParameterStyle } from '../../api/openapi.ts';

export type Fields = readonly (readonly [string, string])[];

/** A style and what it depends on. */
export interface Styling {
  readonly style: ParameterStyle;
  readonly explode: boolean;
  readonly name: string;
}

const encodedSpace = /%20|\+/;
const encodedPipe = /\||%7c/i;

/** The text of a single value without what its style puts in front; undefined where that is missing. */
export function scalarText(raw: string, { style, name }: Styling): string | undefined {
  if (style === 'label') return raw.startsWith('.') ? raw.slice(1) : undefined;
  if (style !== 'matrix') return raw;
  return raw.startsWith(`;${name}=`) ? raw.slice(name.length + 2) : undefined;
}

/** The items of a list. `raw`: the texts of this name, more than one only where the name is repeated. */
export function listItems(raw: readonly string[], styling: Styling): readonly string[] | undefined {
  const { style, explode, name } = styling;
  const [first = ''] = raw;
  switch (style) {
    case 'label':
      return first.startsWith('.') ? split(first.slice(1), explode ? '.' : ',') : undefined;
    case 'matrix':
      return explode ? matrixItems(first, name) : splitBehind(first, `;${name}=`);
    case 'simple':
      return split(first, ',').map((item) => item.trim());
    default:
      if (explode) return raw;
      return raw.length === 1 ? split(first, delimiterOf(style)) : undefined;
  }
}

function delimiterOf(style: ParameterStyle): string | RegExp {
  if (style === 'spaceDelimited') return encodedSpace;
  return style === 'pipeDelimited' ? encodedPipe : ',';
}

function split(text: string, delimiter: string | RegExp): string[] {
  return text === '' ? [] : text.split(delimiter);
}

function splitBehind(text: string, prefix: string): string[] | undefined {
  return text.startsWith(prefix) ? split(text.slice(prefix.length), ',') : undefined;
}

function matrixItems(text: string, name: string): string[] | undefined {
  const parts = text.split(';');
  if (parts.shift() !== '') return undefined;
  const prefix = `${name}=`;
  return parts.every((part) => part.startsWith(prefix)) ? parts.map((part) => part.slice(prefix.length)) : undefined;
}

/** The fields of an object that stands in one text; undefined where they do not pair up. */
export function objectFields(raw: string, { style, explode, name }: Styling): Fields | undefined {
  switch (style) {
    case 'label':
      if (!raw.startsWith('.')) return undefined;
      return explode ? assignments(split(raw.slice(1), '.')) : alternating(split(raw.slice(1), ','));
    case 'matrix':
      if (explode) return raw.startsWith(';') ? assignments(raw.slice(1).split(';')) : undefined;
      return raw.startsWith(`;${name}=`) ? alternating(split(raw.slice(name.length + 2), ',')) : undefined;
    case 'simple':
      return explode ? assignments(split(raw, ',')) : alternating(split(raw, ','));
    default:
      return alternating(split(raw, delimiterOf(style)));
  }
}

function assignments(parts: readonly string[]): Fields | undefined {
  const fields: [string, string][] = [];
  for (const part of parts) {
    const equals = part.indexOf('=');
    if (equals < 1) return undefined;
    fields.push([part.slice(0, equals), part.slice(equals + 1)]);
  }
  return fields;
}

function alternating(parts: readonly string[]): Fields | undefined {
  if (parts.length % 2 !== 0) return undefined;
  const fields: [string, string][] = [];
  for (let at = 0; at < parts.length; at += 2) fields.push([parts[at] as string, parts[at + 1] as string]);
  return fields;
}
