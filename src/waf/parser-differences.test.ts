import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { compileWaf, type HeaderField, type WafRequest } from './index.ts';

// Requests that rules read one way, and some program behind another: what it reads is in the name of each test.

const route = compileWaf({}, new ManualClock()).route({ mode: 'block' });
const attack = "1' UNION SELECT username, password FROM users-- ";
const encoded = encodeURIComponent(attack);
const escaped = `{"q":"${[...attack].map((each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"}`;
const plain = JSON.stringify({ q: attack });

interface Sent {
  readonly uri?: string;
  readonly type?: string;
  readonly headers?: readonly HeaderField[];
  readonly body?: string | Buffer;
}

function statusOf({ uri = '/b', type, headers = [], body }: Sent): number | undefined {
  const request: WafRequest = {
    method: body === undefined ? 'GET' : 'POST',
    uri,
    protocol: 'HTTP/1.1',
    headers: [
      ['Host', 'shop.example'],
      ['User-Agent', 'Mozilla/5.0'],
      ...headers,
      ...(type === undefined ? [] : [['Content-Type', type] as const]),
    ],
    ...(body === undefined ? {} : { body: Buffer.from(body as string, 'latin1') }),
    remoteAddress: '192.0.2.1',
    id: 'x',
  };
  return route.inspect(request)?.status;
}

const part = (disposition: string, content: string, ...fields: string[]): string =>
  [`Content-Disposition: form-data; ${disposition}`, ...fields, '', content].join('\r\n');
const form = (boundary: string, ...parts: string[]): string =>
  [...parts.map((each) => `--${boundary}\r\n${each}\r\n`), `--${boundary}--\r\n`].join('');
const multipart = (...parts: string[]): Sent => ({
  type: 'multipart/form-data; boundary=b',
  body: form('b', ...parts),
});

describe('a body that programs read whatever its type says', () => {
  const types = [
    undefined,
    'text/json',
    'application/x-json',
    'application/jsonrequest',
    'application/csp-report',
    'text/plain',
    'image/png',
    'application/octet-stream',
    'application/json, text/plain',
    'application/x-ndjson',
  ];
  for (const type of types)
    it(`JSON as ${type ?? 'nothing'}`, () => {
      const kind = type === undefined ? {} : { type };
      expect(statusOf({ ...kind, body: plain })).toBe(403);
      expect(statusOf({ ...kind, body: escaped })).toBe(403);
    });

  for (const type of ['application/x-www-form-urlencoded, x', 'application/x-www-form-urlencoded x', 'image/png'])
    it(`a form as ${type}`, () => expect(statusOf({ type, body: `q=${encoded}` })).toBe(403));

  it('JSON in UTF-16 without a type', () => {
    expect(statusOf({ type: 'application/octet-stream', body: Buffer.from(plain, 'utf16le') })).toBe(403);
    expect(statusOf({ type: 'text/plain', body: Buffer.from(`\ufeff${plain}`, 'utf16le').swap16() })).toBe(403);
  });

  it('any multipart as a form (Java)', () => {
    expect(statusOf({ type: 'multipart/mixed; boundary=b', body: form('b', part('name="q"', attack)) })).toBe(403);
    const batch = '--b\r\nContent-Type: application/http\r\n\r\nGET /a HTTP/1.1\r\n\r\n--b--\r\n';
    expect(statusOf({ type: 'multipart/mixed; boundary=b', body: batch })).toBeUndefined();
  });

  it('and not pictures, archives and their like', () => {
    expect(statusOf({ type: 'image/png', body: `\x89PNG\r\n ${attack}` })).toBeUndefined();
    expect(statusOf({ type: 'application/octet-stream', body: `PK\x03\x04 ${attack}` })).toBeUndefined();
  });
});

describe('characters written by other bytes', () => {
  for (const charset of ['utf-7', 'ibm037', 'utf-16', '"IBM500"', 'utf-8; charset=utf-7'])
    for (const type of ['application/json', 'application/x-www-form-urlencoded', 'text/plain', 'application/xml'])
      it(`charset ${charset} of ${type}`, () =>
        expect(statusOf({ type: `${type}; charset=${charset}`, body: 'x' })).toBe(400));

  it('common charsets are read', () => {
    for (const charset of ['utf-8', 'UTF8', '"utf-8"', 'iso-8859-1', 'windows-1252', 'us-ascii'])
      expect(statusOf({ type: `application/json; charset=${charset}`, body: '{}' })).toBeUndefined();
  });

  it('an encoding that an XML document declares', () => {
    const xml = (encoding: string): string => `<?xml version="1.0" encoding="${encoding}"?><a>+ACc-</a>`;
    expect(statusOf({ type: 'application/xml', body: xml('utf-7') })).toBe(400);
    expect(statusOf({ type: 'application/xml', body: xml('UTF-8') })).toBeUndefined();
  });

  it('character references of XML with any number of zeros', () => {
    const text = attack.replaceAll("'", '&#x000000000027;');
    expect(statusOf({ type: 'application/xml', body: `<a>${text}</a>` })).toBe(403);
  });

  it('a compressed body', () => {
    for (const type of ['text/plain', 'application/json', 'application/x-www-form-urlencoded'])
      expect(statusOf({ type, headers: [['Content-Encoding', 'gzip']], body: gzipSync(plain) })).toBe(415);
    expect(statusOf({ type: 'application/json', headers: [['Content-Encoding', 'identity']], body: '{}' })).toBe(
      undefined,
    );
    expect(statusOf({ headers: [['Content-Encoding', 'gzip']] })).toBeUndefined();
  });

  it('octal escapes of a quoted cookie (Python, Java)', () => {
    const octal = [...attack].map((each) => `\\${each.charCodeAt(0).toString(8).padStart(3, '0')}`).join('');
    expect(statusOf({ headers: [['Cookie', `q="${octal}"`]] })).toBe(403);
    expect(statusOf({ headers: [['Cookie', 'q="a\\054 b"']] })).toBeUndefined();
  });
});

describe('two answers to one question', () => {
  it('the content type', () => {
    const twice: HeaderField[] = [
      ['Content-Type', 'application/json'],
      ['Content-Type', 'image/png'],
    ];
    expect(statusOf({ headers: twice, body: '{}' })).toBe(400);
  });

  for (const parameters of ['xboundary=a; boundary=b', 'boundary=a; boundary=b', 'boundary=a,b', 'boundary=a b'])
    it(`the boundary: ${parameters}`, () => {
      const hidden = form('b', part('name="q"', attack));
      const body = form('a', part('name="f"; filename="x"', hidden));
      expect(statusOf({ type: `multipart/form-data; ${parameters}`, body })).toBe(400);
    });

  it('where a part ends: other line ends, spaces or text behind the boundary', () => {
    const file = 'Content-Disposition: form-data; name="f"; filename="x"';
    const field = 'Content-Disposition: form-data; name="q"';
    for (const content of [
      `x\n--b\r\n${file}\r\n\r\n${attack}`,
      `x\r\n--b  \r\n${file}\r\n\r\n${attack}`,
      `x\r\n--b--x\r\n${file}\r\n\r\n${attack}`,
      `x\r\n--bx\r\n${file}\r\n\r\n${attack}`,
    ])
      expect(statusOf(multipart(part('name="q"', content)))).toBe(400);
    for (const content of [`x\r--b\r${field}\r\r${attack}`, `x\n--b\n${field}\n\n${attack}`])
      expect(statusOf(multipart(part('name="f"; filename="x"', content)))).toBe(400);
    const after = form('b', part('name="a"', 'b')) + form('b', part('name="q"', attack));
    expect(statusOf({ type: 'multipart/form-data; boundary=b', body: after })).toBe(400);
  });

  it('what a part is called', () => {
    for (const [disposition, ...fields] of [
      ['name="f"; filename="a"', 'Content-Disposition: form-data; name="q"'],
      ['name="f"; name="q"; filename="a"'],
      ['name="f"; filename="a"; filename=""'],
      ['name="f"; filename="a"', 'X-Other : y'],
      ['name="q"\r\n ; filename="a"'],
    ])
      expect(statusOf(multipart(part(disposition!, attack, ...fields))), disposition).toBe(400);
  });

  it('whether a part is a file: the others are looked at', () => {
    for (const disposition of [
      `name="q"; filename*=utf-8''x`,
      'name="q"; filename=""',
      `name='q'; filename='x'`,
      `name=x'; filename='y`,
      'name="q\\\\"; filename="x"',
    ])
      expect(statusOf(multipart(part(disposition, attack))), disposition).toBe(403);
    expect(statusOf(multipart(part('name="f"; filename="dump.sql"', attack)))).toBeUndefined();
    expect(statusOf(multipart(part(`name=f; filename=d.sql; filename*=utf-8''d.sql`, attack)))).toBeUndefined();
  });

  it('how a part is encoded', () => {
    for (const field of [
      'Content-Transfer-Encoding: base64',
      'Content-Transfer-Encoding: quoted-printable',
      'Content-Type: text/plain; charset=utf-7',
    ])
      expect(statusOf(multipart(part('name="q"', 'x', field)))).toBe(400);
    expect(statusOf(multipart(part('name="_charset_"', 'utf-7'), part('name="q"', 'x')))).toBe(400);
    const binary = part(
      'name="q"',
      'x',
      'Content-Transfer-Encoding: binary',
      'Content-Type: text/plain; charset=utf-8',
    );
    expect(statusOf(multipart(binary, part('name="_charset_"', 'utf-8')))).toBeUndefined();
  });

  it('JSON in a part', () => {
    const type = 'Content-Type: application/json';
    expect(statusOf(multipart(part('name="q"', escaped, type)))).toBe(403);
    expect(statusOf(multipart(part('name="q"; filename="blob"', escaped, type)))).toBe(403);
    expect(statusOf(multipart(part('name="q"; filename="blob"', '{"a":"tea"}', type)))).toBeUndefined();
  });
});

describe('what comes behind the end of attention', () => {
  const padded = (text: string): Sent => ({ type: 'application/json', body: JSON.stringify({ q: text }) });

  it('more parameters or cookies than are looked at', () => {
    expect(statusOf({ uri: `/b?${'a&'.repeat(1500)}q=${encoded}` })).toBe(400);
    expect(statusOf({ headers: [['Cookie', `${'a=1;'.repeat(1500)}q=${encoded}`]] })).toBe(400);
    expect(statusOf({ uri: `/b?${'a&'.repeat(900)}` })).toBeUndefined();
  });

  for (const bytes of [9000, 20_000, 200_000])
    for (const filler of ['a', 'word ', '1 '])
      it(`${bytes} bytes of \`${filler}\``, () => {
        const padding = filler.repeat(bytes / filler.length);
        for (const each of [attack, "' or 1=1-- ", '<script>alert(1)</script>', '<img src=x onerror=alert(1)>'])
          expect(statusOf(padded(padding + each)), each).toBe(403);
      });

  const tail = ' UNION SELECT password FROM users-- ';
  for (const [name, text] of [
    ['a sum', `1${'+1'.repeat(100)}${tail}`],
    ['conditions', `1${' and 1'.repeat(100)}${tail}`],
    ['parentheses', `${'('.repeat(100)}1${')'.repeat(100)}${tail}`],
    ['strings side by side', `x'${" 'a'".repeat(100)}${tail}`],
    ['comments', `1 ${'/*a*/'.repeat(5000)}${tail}`],
    ['elements', `${'<b>x</b>'.repeat(300)}<img src=x onerror=alert(1)>`],
    ['attributes', `<img ${'a=b '.repeat(400)} src=x onerror=alert(1)>`],
  ] as const)
    it(name, () => expect(statusOf(padded(text))).toBe(403));

  it('names of JSON members that hold nothing', () => {
    expect(statusOf({ type: 'application/json', body: JSON.stringify({ [attack]: {} }) })).toBe(403);
    expect(statusOf({ type: 'application/json', body: JSON.stringify({ [attack]: [] }) })).toBe(403);
  });
});

it('the operator reads why a body is refused, and nothing of what it says', () => {
  const body = form('b', part('name="q"', 'hunter2', 'Content-Transfer-Encoding: base64'));
  const { denial } = route.examine({
    method: 'POST',
    uri: '/b',
    protocol: 'HTTP/1.1',
    headers: [['Content-Type', 'multipart/form-data; boundary=b']],
    body: Buffer.from(body),
    remoteAddress: '192.0.2.1',
    id: 'x',
  });
  expect(denial?.reason.detail).toContain('Multipart: the encoding of a part is not read');
  expect(JSON.stringify(denial)).not.toContain('hunter2');
});
