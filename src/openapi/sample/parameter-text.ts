import type { JsonValue, Parameter } from '../../api/openapi.ts';

/** A parameter as it stands in a request: one text, or several `name=text` of a query. */
export type ParameterText = readonly (readonly [string, string])[];

/** Writes `value` in the style of `parameter`, percent-encoded; the inverse of what the validator reads. */
export function writeParameter(parameter: Parameter, value: JsonValue): ParameterText {
  const { name } = parameter;
  if (parameter.mediaType !== undefined) return [[name, encode(parameter, JSON.stringify(value))]];
  if (Array.isArray(value)) return writeList(parameter, value as readonly JsonValue[]);
  if (value !== null && typeof value === 'object') return writeObject(parameter, Object.entries(value));
  return [[name, prefixOf(parameter) + encode(parameter, String(value))]];
}

function encode(parameter: Parameter, text: string): string {
  return parameter.in === 'header' ? text : encodeURIComponent(text);
}

function prefixOf({ style, name }: Parameter): string {
  if (style === 'label') return '.';
  return style === 'matrix' ? `;${name}=` : '';
}

function textOf(value: JsonValue): string {
  return value !== null && typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function delimiterOf({ style, explode }: Parameter): string {
  if (style === 'spaceDelimited') return '%20';
  if (style === 'pipeDelimited') return '|';
  if (style === 'label' && explode) return '.';
  return ',';
}

function writeList(parameter: Parameter, items: readonly JsonValue[]): ParameterText {
  const { name, style, explode } = parameter;
  const texts = items.map((item) => encode(parameter, textOf(item)));
  if (explode && style === 'matrix') return [[name, texts.map((text) => `;${name}=${text}`).join('')]];
  if (explode && style !== 'simple' && style !== 'label') return texts.map((text) => [name, text]);
  return [[name, prefixOf(parameter) + texts.join(delimiterOf(parameter))]];
}

function writeObject(parameter: Parameter, entries: readonly (readonly [string, JsonValue])[]): ParameterText {
  const { name, style, explode } = parameter;
  const fields = entries.map(([key, value]) => [encode(parameter, key), encode(parameter, textOf(value))] as const);
  if (style === 'deepObject') return fields.map(([key, text]) => [`${name}[${key}]`, text]);
  if (explode && style === 'form') return fields;
  if (explode && style === 'matrix') return [[name, fields.map(([key, text]) => `;${key}=${text}`).join('')]];
  const parts = fields.flatMap(([key, text]) => (explode ? [`${key}=${text}`] : [key, text]));
  return [[name, prefixOf(parameter) + parts.join(delimiterOf(parameter))]];
}
