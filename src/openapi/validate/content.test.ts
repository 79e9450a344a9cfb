import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { documentOf, gate } from '../document.suite.ts';
import { tryParseMediaType } from '../media/media-type.ts';
import { parseMultipart } from '../media/multipart.ts';

const ok = "responses: { '200': { description: ok } }";

function form(type: string, schema: string, encoding = '{}') {
  const send = gate(
    documentOf(
      `paths: { /x: { post: { requestBody: { content: { ${type}: { schema: ${schema}, encoding: ${encoding} } } }, ${ok} } } }\n`,
    ),
  );
  return (bytes: string | Buffer, contentType = type) =>
    send({ method: 'POST', headers: { 'content-type': contentType }, bytes: Buffer.from(bytes) })?.reason.code;
}

describe('application/x-www-form-urlencoded', () => {
  const check = form(
    'application/x-www-form-urlencoded',
    '{ type: object, required: [name], properties: { name: { type: string }, age: { type: integer }, tags: { type: array, items: { type: string } }, csv: { type: array, items: { type: integer } } } }',
    '{ csv: { explode: false } }',
  );

  it.each([
    ['name=Ada+L&age=36&tags=a&tags=b&csv=1,2', undefined],
    ['name=%C3%A9', undefined],
    ['age=36', 'openapi.missing-field'],
    ['name=x&age=old', 'openapi.wrong-type'],
    ['name=x&role=admin', 'openapi.unknown-field'],
    ['name=x&name=y', 'openapi.duplicate-key'],
    ['name=x&__proto__=y', 'openapi.unknown-field'],
    ['name=%zz', 'openapi.malformed-body'],
    ['%zz=1', 'openapi.malformed-body'],
    ['name=x&csv=1&csv=2', 'openapi.duplicate-key'],
    ['name=x&csv=1,b', 'openapi.wrong-type'],
    ['tags=a&'.repeat(2000), 'openapi.too-many-values'],
  ])('%s', (body, code) => {
    expect(check(body)).toBe(code);
  });
});

describe('multipart/form-data', () => {
  const type = 'multipart/form-data; boundary=XX';
  const part = (name: string, value: string, more = '') =>
    `--XX\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
  const end = '--XX--\r\n';
  const check = form(
    'multipart/form-data',
    '{ type: object, properties: { title: { type: string, maxLength: 5 }, count: { type: integer }, file: { type: string, format: binary, maxLength: 4 }, meta: { type: object, properties: { a: { type: integer } } }, pics: { type: array, items: { type: string, format: binary } } } }',
    '{ file: { contentType: "image/png, image/gif" } }',
  );
  const post = (body: string | Buffer) => check(body, type);

  it.each([
    ['fields', part('title', 'a') + part('count', '7') + end, undefined],
    ['no parts', end, undefined],
    ['a file', part('file', 'abcd', '; filename="a.png"\r\nContent-Type: image/png') + end, undefined],
    [
      'too large a file',
      part('file', 'abcde', '; filename="a.png"\r\nContent-Type: image/png') + end,
      'openapi.too-long',
    ],
    [
      'a file of another type',
      part('file', 'abcd', '; filename="a.svg"\r\nContent-Type: image/svg+xml') + end,
      'openapi.media-type',
    ],
    ['a file without a type', part('file', 'abcd', '; filename="a.svg"') + end, 'openapi.media-type'],
    ['JSON in a part', part('meta', '{"a":1}') + end, undefined],
    ['wrong JSON in a part', part('meta', '{"a":"x"}') + end, 'openapi.wrong-type'],
    ['a key twice in a part', part('meta', '{"a":1,"a":2}') + end, 'openapi.duplicate-key'],
    ['several files', part('pics', 'a', '; filename="1"') + part('pics', 'b', '; filename="2"') + end, undefined],
    ['a text too long', part('title', 'abcdef') + end, 'openapi.too-long'],
    ['a text that is no number', part('count', '7 ') + end, 'openapi.wrong-type'],
    ['an undeclared field', part('role', 'admin') + end, 'openapi.unknown-field'],
    ['a field twice', part('title', 'a') + part('title', 'b') + end, 'openapi.duplicate-key'],
    ['__proto__', part('__proto__', 'a') + end, 'openapi.unknown-field'],
    ['a preamble', `x\r\n${part('title', 'a')}${end}`, 'openapi.malformed-body'],
    ['an epilogue', `${part('title', 'a') + end}x`, 'openapi.malformed-body'],
    ['no end', part('title', 'a'), 'openapi.malformed-body'],
    ['bare line feeds', (part('title', 'a') + end).replaceAll('\r\n', '\n'), 'openapi.malformed-body'],
    ['another boundary', (part('title', 'a') + end).replaceAll('XX', 'XY'), 'openapi.malformed-body'],
    ['an encoded file name', part('file', 'a', "; filename*=utf-8''a.png") + end, 'openapi.malformed-body'],
    ['a backslash in a name', part('ti\\"tle', 'a') + end, 'openapi.malformed-body'],
    [
      'a header twice',
      `--XX\r\nContent-Disposition: form-data; name="title"\r\nContent-Disposition: form-data; name="count"\r\n\r\n1\r\n${end}`,
      'openapi.malformed-body',
    ],
    [
      'a folded header',
      `--XX\r\nContent-Disposition: form-data;\r\n name="title"\r\n\r\n1\r\n${end}`,
      'openapi.malformed-body',
    ],
    [
      'a transfer encoding',
      `--XX\r\nContent-Disposition: form-data; name="title"\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==\r\n${end}`,
      'openapi.malformed-body',
    ],
    ['no name', `--XX\r\nContent-Disposition: form-data\r\n\r\n1\r\n${end}`, 'openapi.malformed-body'],
    [
      'another disposition',
      `--XX\r\nContent-Disposition: attachment; name="title"\r\n\r\n1\r\n${end}`,
      'openapi.malformed-body',
    ],
    ['too many parts', part('pics', 'a').repeat(2000) + end, 'openapi.malformed-body'],
  ])('%s', (_what, body, code) => {
    expect(post(body)).toBe(code);
  });

  it('needs a boundary', () => {
    expect(check(part('title', 'a') + end, 'multipart/form-data')).toBe('openapi.malformed-body');
    expect(check(part('title', 'a') + end, 'multipart/form-data; boundary="a b\u0001"')).toBe('openapi.malformed-body');
  });

  it('reads what was written, and nothing out of noise', () => {
    const content = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.stringMatching(/^[a-z]{1,5}$/), content), { minLength: 1, maxLength: 4 }),
        (parts) => {
          const bytes = Buffer.concat([
            ...parts.flatMap(([name, value]) => [
              Buffer.from(`--b0undary\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n`),
              value,
              Buffer.from('\r\n'),
            ]),
            Buffer.from('--b0undary--'),
          ]);
          const result = parseMultipart(bytes, 'b0undary', 10);
          expect('parts' in result && result.parts.map((each) => [each.name, each.bytes.toString('hex')])).toEqual(
            parts.map(([name, value]) => [name, value.toString('hex')]),
          );
        },
      ),
    );
    const noise = fc.array(
      fc.constantFrom('--XX', '\r\n', '\n', '--', 'Content-Disposition: form-data; name="a"', ';', '"', 'x', '\0'),
      { maxLength: 12 },
    );
    fc.assert(fc.property(noise, (pieces) => void parseMultipart(Buffer.from(pieces.join('')), 'XX', 10)));
  });
});

describe('media types', () => {
  it.each([
    ['text/plain', 'text/plain', {}],
    ['Text/Plain ; Charset="UTF-8"', 'text/plain', { charset: 'UTF-8' }],
    ['multipart/form-data; boundary="a;b"', 'multipart/form-data', { boundary: 'a;b' }],
    ['a/b;', 'a/b', {}],
  ])('%s', (field, essence, parameters) => {
    const parsed = tryParseMediaType(field);
    expect(parsed?.essence).toBe(essence);
    expect(Object.fromEntries(parsed?.parameters ?? [])).toEqual(parameters);
  });

  it.each([
    '',
    'text',
    '/',
    'a/',
    '/b',
    'a/b/c',
    'a b/c',
    '*/*',
    'a/b; x',
    'a/b; =x',
    'a/b; x=',
    'a/b; x=1; x=2',
    'a/b; x="1',
    'a/b, c/d',
    'a/b; x=1 y=2',
    `a/b; x=${'y'.repeat(2000)}`,
  ])('refuses %s', (field) => {
    expect(tryParseMediaType(field)).toBeUndefined();
  });
});
