// Whole requests that mean as much work as they can for their size, by what carries them, beside ordinary ones of that kind.
import type { WafRequest } from '../../src/waf/index.ts';

/** What is carried how; the first of a kind is ordinary. */
export interface Load {
  readonly kind: 'json' | 'form' | 'multipart' | 'xml' | 'query' | 'cookies' | 'headers';
  readonly what: string;
  readonly request: WafRequest;
  readonly bytes: number;
}

const bytes = 131_072;
const fields = 900;

let lot = 9;
const draw = (most: number): number => ((lot = (Math.imul(lot, 1_664_525) + 1_013_904_223) >>> 0) % 65_521) % most;
const list = <Item>(count: number, make: (index: number) => Item): Item[] =>
  Array.from({ length: count }, (_none, index) => make(index));
const word = (): string => list(2 + draw(8), () => String.fromCharCode(97 + draw(26))).join('');
const prose = (length: number): string =>
  list(Math.ceil(length / 3), word)
    .join(' ')
    .slice(0, length);
const again = (unit: string, length = bytes): string => unit.repeat(Math.ceil(length / unit.length)).slice(0, length);

const signs = [
  '!',
  '"',
  '#',
  '$',
  '%',
  '&',
  "'",
  '(',
  '*',
  '+',
  ',',
  '-',
  '.',
  '/',
  ':',
  ';',
  '<',
  '=',
  '[',
  '\\',
  '^',
  '`',
  '{',
  '|',
];
/** No two of many are made of the same kinds of bytes. */
const motley = (): string =>
  [...signs, 'a', 'A', '1', ' ', '\t', '\xc3\xa9', '\x01'].filter(() => draw(2) === 1).join('');

const types = {
  json: 'application/json',
  form: 'application/x-www-form-urlencoded',
  multipart: 'multipart/form-data; boundary=q',
  xml: 'application/xml',
};

function load(
  kind: Load['kind'],
  what: string,
  { body, uri = '/a', headers = [] }: { body?: string; uri?: string; headers?: [string, string][] },
): Load {
  const type = Object.entries(types).find(([name]) => name === kind)?.[1];
  const own: [string, string][] =
    type === undefined
      ? []
      : [
          ['content-type', type],
          ['content-length', String(body?.length)],
        ];
  const size = [...headers.flat(), uri, body ?? ''].reduce((sum, text) => sum + text.length, 0);
  const request: WafRequest = {
    method: body === undefined ? 'GET' : 'POST',
    uri,
    protocol: 'HTTP/1.1',
    headers: [['host', 'shop.example'], ['user-agent', 'bench'], ['accept', '*/*'], ...own, ...headers],
    ...(body === undefined ? {} : { body: Buffer.from(body, 'latin1') }),
    remoteAddress: '192.0.2.1',
    id: 'bench',
  };
  return { kind, what, request, bytes: size };
}

const json = (what: string, value: unknown): Load => load('json', what, { body: JSON.stringify(value) });
const form = (what: string, body: string): Load => load('form', what, { body });
const multipart = (what: string, parts: string): Load => load('multipart', what, { body: `${parts}\r\n--q--\r\n` });
const xml = (what: string, inside: string): Load => load('xml', what, { body: `<r>${inside}</r>` });
const query = (what: string, pairs: readonly string[]): Load => load('query', what, { uri: `/a?${pairs.join('&')}` });
const cookies = (what: string, pairs: readonly string[]): Load =>
  load('cookies', what, { headers: [['cookie', pairs.join('; ')]] });
const inHeaders = (what: string, make: () => string): Load =>
  load('headers', what, { headers: list(100, (at): [string, string] => [`x-${word()}-${at}`, make()]) });

const part = (name: string, content: string): string =>
  `--q\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${content}\r\n`;
const escaped = (text: string): string => encodeURIComponent(Buffer.from(text, 'latin1').toString('utf8'));

export function loads(): Load[] {
  return [
    json(
      'ordinary',
      list(fields, () => ({ note: prose(130) })),
    ),
    json('what each transformation changes', { a: again('%41&lt;\\u0061/*a*/\t--"') }),
    json('character references', { a: again('&lt;&#x61;') }),
    json('escapes', { a: again('\\u0061\\x41') }),
    json('letters of two bytes', { a: again('\xc3\xa9\xce\xb1') }),
    json('words of injections', { a: again("' or 1=1 union select <script ../ #{x} ") }),
    json('a long key over many values', { [again('abc ', bytes / 2)]: list(fields, () => 1) }),
    json('values of all kinds of bytes', list(fields, motley)),
    json('keys of all kinds of bytes', Object.fromEntries(list(fields, () => [motley(), 1]))),
    form('ordinary', list(fields, () => `${word()}=${prose(130).replaceAll(' ', '+')}`).join('&')),
    form('names alone', `${'a&'.repeat(fields)}${again('b')}`),
    form('escapes of escapes', `a=${again('%2541')}`),
    form('values of all kinds of bytes', list(fields, (at) => `a${at}=${escaped(motley())}`).join('&')),
    multipart('ordinary', list(fields, (at) => part(`a${at}`, prose(80))).join('')),
    multipart('parameters and spaces', again(part(`a"${';a=b'.repeat(2000)}${' '.repeat(8000)}`, 'x'))),
    multipart('all but boundaries', `--q\r\n${again('\n--qx')}`),
    multipart('folded lines', again(`--q\r\na:b\r\n${' c\r\n'.repeat(4000)}\r\n\r\n`)),
    xml('ordinary', list(fields, () => `<a>${prose(130)}</a>`).join('')),
    xml('entities', again('&amp;&#65;')),
    xml('depth', `${'<a>'.repeat(60)}${'<b>x</b>'.repeat(fields)}${'</a>'.repeat(60)}`),
    query(
      'ordinary',
      list(300, () => `${word()}=${word()}`),
    ),
    query(
      'values of all kinds of bytes',
      list(300, (at) => `a${at}=${escaped(motley())}`),
    ),
    cookies(
      'ordinary',
      list(600, () => `${word()}=${word()}`),
    ),
    cookies(
      'values of all kinds of bytes',
      list(600, () => `${word()}=${motley().replaceAll(';', '')}`),
    ),
    inHeaders('ordinary', () => prose(100)),
    inHeaders('values of all kinds of bytes', motley),
  ];
}
