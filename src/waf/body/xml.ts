import { isReadableCharset } from '../../core/charset.ts';
import { utf8 } from '../transformations/bytes.ts';
import { type BodyLimits, type BodyProcessor, emptyBody, failedBody, type XmlElement } from './body.ts';

// A small reader of XML 1.0: elements, attributes, text. Entities that a document declares are never expanded.

class BadXml extends Error {}

interface Reader {
  readonly text: string;
  at: number;
  nodes: number;
  readonly limits: BodyLimits;
  readonly open: XmlElement[];
}

const predefined: ReadonlyMap<string, string> = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
]);

function decode(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(
    /&(?:#x0*([0-9A-Fa-f]{1,6})|#0*(\d{1,7})|([A-Za-z]{1,8}));/g,
    (all, hex?: string, decimal?: string, name?: string) => {
      if (name !== undefined) return predefined.get(name) ?? all;
      return utf8(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16));
    },
  );
}

/** Skips to the end of something that `close` ends; returns what stands before. */
function skipPast(reader: Reader, close: string): string {
  const end = reader.text.indexOf(close, reader.at);
  if (end < 0) throw new BadXml(`\`${close}\` is missing`);
  const inside = reader.text.slice(reader.at, end);
  reader.at = end + close.length;
  return inside;
}

function skipDoctype(reader: Reader): void {
  let depth = 0;
  for (; reader.at < reader.text.length; reader.at += 1) {
    const character = reader.text.charAt(reader.at);
    if (character === '[') depth += 1;
    else if (character === ']') depth -= 1;
    else if (character === '>' && depth <= 0) {
      reader.at += 1;
      return;
    }
  }
  throw new BadXml('a document type is not closed');
}

/** The program behind reads the document in the encoding that it declares. */
function checkEncoding(instruction: string): void {
  const encoding = /^<\?xml\s.*?\bencoding\s{0,20}=\s{0,20}["']([^"']{0,64})/is.exec(instruction)?.[1];
  if (encoding !== undefined && !isReadableCharset(encoding)) throw new BadXml('its encoding is not read');
}

const localName = (name: string): string => name.slice(name.lastIndexOf(':') + 1);
const nameForm = /[^\s/>=<"']{1,256}/y;
const attributeForm = /\s{0,1000}([^\s/>=<"']{1,256})\s{0,100}=\s{0,100}(?:"([^"<]*)"|'([^'<]*)')/y;

function readOpening(reader: Reader): void {
  nameForm.lastIndex = reader.at;
  const name = nameForm.exec(reader.text)?.[0];
  if (name === undefined) throw new BadXml('a tag has no name');
  reader.at += name.length;
  const attributes: [string, string][] = [];
  for (;;) {
    attributeForm.lastIndex = reader.at;
    const match = attributeForm.exec(reader.text);
    if (match === null) break;
    reader.at += match[0].length;
    attributes.push([localName(match[1]!), decode(match[2] ?? match[3] ?? '')]);
    if (attributes.length > reader.limits.maxFields) throw new BadXml('there are too many attributes');
  }
  while (/\s/.test(reader.text.charAt(reader.at))) reader.at += 1;
  const closed = reader.text.startsWith('/>', reader.at);
  if (!closed && reader.text.charAt(reader.at) !== '>') throw new BadXml('a tag is malformed');
  reader.at += closed ? 2 : 1;
  reader.nodes += 1 + attributes.length;
  if (reader.nodes > reader.limits.maxFields) throw new BadXml('there are too many nodes');
  const element: XmlElement = { name: localName(name), attributes, children: [], text: '' };
  reader.open.at(-1)!.children.push(element);
  if (!closed) reader.open.push(element);
  if (reader.open.length > reader.limits.maxDepth) throw new BadXml('it is nested too deeply');
}

function readMarkup(reader: Reader): void {
  if (reader.text.startsWith('<!--', reader.at)) {
    reader.at += 4;
    skipPast(reader, '-->');
  } else if (reader.text.startsWith('<![CDATA[', reader.at)) {
    reader.at += 9;
    reader.open.at(-1)!.text += skipPast(reader, ']]>');
  } else if (reader.text.startsWith('<!', reader.at)) {
    skipDoctype(reader);
  } else if (reader.text.startsWith('<?', reader.at)) {
    checkEncoding(skipPast(reader, '?>'));
  } else if (reader.text.startsWith('</', reader.at)) {
    reader.at += 2;
    const name = localName(skipPast(reader, '>').trim());
    if (reader.open.length < 2 || reader.open.at(-1)!.name !== name)
      throw new BadXml('a closing tag has no opening one');
    reader.open.pop();
  } else {
    reader.at += 1;
    readOpening(reader);
  }
}

/** Parses a document. What was read before a fault is kept. */
export const xmlProcessor: BodyProcessor = (body, _contentType, limits) => {
  const top: XmlElement = { name: '', attributes: [], children: [], text: '' };
  const reader: Reader = { text: body, at: 0, nodes: 0, limits, open: [top] };
  try {
    while (reader.at < body.length) {
      const next = body.indexOf('<', reader.at);
      const end = next < 0 ? body.length : next;
      reader.open.at(-1)!.text += decode(body.slice(reader.at, end));
      reader.at = end;
      if (next >= 0) readMarkup(reader);
    }
    if (reader.open.length > 1 || top.children.length !== 1 || top.text.trim() !== '')
      throw new BadXml('it has not one root element');
    return { ...emptyBody, xml: { root: top } };
  } catch (error) {
    if (!(error instanceof BadXml)) throw error;
    return failedBody(`XML: ${error.message}`, { xml: { root: top } });
  }
};
