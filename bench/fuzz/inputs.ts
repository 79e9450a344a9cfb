// Where inputs come from: a corpus of seeds with bytes changed, and messages that a grammar makes.
import fc from 'fast-check';
import { mark } from '../../test/smuggling/cases.ts';
import { framingCases } from '../../test/smuggling/framing-cases.ts';
import { syntaxCases } from '../../test/smuggling/syntax-cases.ts';

/** Numbers from 0 to 1, the same for the same seed. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const tokens = [
  ...[
    '\r',
    '\n',
    '\r\n',
    '\r\n\r\n',
    '\0',
    ' ',
    '\t',
    ':',
    ',',
    ';',
    '"',
    '\\',
    '\x7f',
    '\x80',
    '\xff',
    '\x0b',
    '%',
    '%2f',
    '/',
    '//',
    '..',
    '#',
    '?',
  ],
  ...[
    '0',
    '1',
    '9',
    'a',
    'f',
    '-',
    '+',
    '0x',
    '00',
    'ffffffff',
    '18446744073709551616',
    'chunked',
    'identity',
    'HTTP/1.1',
    'HTTP/1.0',
    'HTTP/2.0',
  ],
  ...[
    'Content-Length: 5\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Host: a\r\n',
    'Connection: close\r\n',
    'Connection: upgrade\r\nUpgrade: h2c\r\n',
    'Expect: 100-continue\r\n',
  ],
  ...[
    '5\r\nhello\r\n',
    '0\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    'HTTP/1.1 200 OK\r\n',
    ' chunked',
    'T: u\r\n',
  ],
];

/** Changes one to six places of a seed: a bit, a byte, a piece left out, doubled, put in, or taken from another seed. */
export function mutate(seeds: readonly Buffer[], random: () => number): Buffer {
  const any = (count: number): number => Math.floor(random() * count);
  let bytes = Buffer.from(seeds[any(seeds.length)] as Buffer);
  for (let left = 1 + any(6); left > 0; left--) {
    const at = any(bytes.length + 1);
    const to = Math.min(bytes.length, at + 1 + any(random() < 0.9 ? 8 : 200));
    const other = seeds[any(seeds.length)] as Buffer;
    const kind = any(7);
    if (kind < 2 && at < bytes.length) bytes[at] = kind === 0 ? (bytes[at] as number) ^ (1 << any(8)) : any(256);
    else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
    else if (kind === 3) bytes = Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]);
    else if (kind === 4) bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(any(other.length))]);
    else
      bytes = Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from(tokens[any(tokens.length)] as string, 'latin1'),
        bytes.subarray(at),
      ]);
  }
  return bytes;
}

const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/);
const value = fc.stringMatching(/^[\x21-\x7e]([\x20-\x7e\t]{0,20}[\x21-\x7e])?$/);
const content = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const field = fc.tuple(token, fc.constantFrom(': ', ':', ':\t', ':  '), value).map((parts) => `${parts.join('')}\r\n`);
const chunk = content.filter((text) => text !== '').map((text) => `${text.length.toString(16)}\r\n${text}\r\n`);
const extension = fc.constantFrom('', '', '', ';a', ';a=b', ';a="b;\\"c"');

/** Content and the fields that frame it. */
const framed = fc.oneof(
  fc.constant(['', ''] as const),
  content.map((text) => [`Content-Length: ${text.length}\r\n`, text] as const),
  fc
    .tuple(fc.array(fc.tuple(chunk, extension), { maxLength: 4 }), fc.array(field, { maxLength: 2 }))
    .map(([chunks, trailers]) => {
      const written = chunks.map(([text, more]) => text.replace('\r\n', `${more}\r\n`)).join('');
      return ['Transfer-Encoding: chunked\r\n', `${written}0\r\n${trailers.join('')}\r\n`] as const;
    }),
);
const target = fc
  .tuple(
    fc.array(fc.stringMatching(/^[A-Za-z0-9._~%!$&'()*+,;=:@-]{0,8}$/), { maxLength: 4 }),
    fc.option(fc.stringMatching(/^[A-Za-z0-9=&]{0,10}$/)),
  )
  .map(([segments, query]) => `/${segments.join('/')}${query === null ? '' : `?${query}`}`);

const request = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'),
    target,
    fields: fc.array(field, { maxLength: 5 }),
    framed,
    version: fc.constantFrom('1.1', '1.1', '1.1', '1.0'),
  })
  .map(
    ({ method, target, fields, framed: [framing, body], version }) =>
      `${method} ${target} HTTP/${version}\r\nHost: a\r\n${fields.join('')}${framing}\r\n${body}`,
  );

const response = fc
  .record({
    status: fc.integer({ min: 100, max: 599 }),
    reason: value,
    fields: fc.array(field, { maxLength: 5 }),
    framed,
  })
  .map(
    ({ status, reason, fields, framed: [framing, body] }) =>
      `HTTP/1.1 ${status} ${reason}\r\n${fields.join('')}${framing}\r\n${body}`,
  );

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');
const streams = fc.array(request, { minLength: 1, maxLength: 3 }).map((messages) => messages.join(''));

export const requestSeeds: readonly Buffer[] = [...framingCases, ...syntaxCases]
  .map(({ bytes }) => bytes.replaceAll(mark, 'm'))
  .filter((bytes) => bytes.length < 2000)
  .map(bytesOf);

export const responseSeeds: readonly Buffer[] = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nT: u\r\n\r\n',
  'HTTP/1.1 200 OK\r\n\r\nhello',
  'HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 500 \r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
].map(bytesOf);

/** So many messages of the grammar, not mutated. */
export function fromGrammar(kind: 'requests' | 'response', count: number, seed: number): Buffer[] {
  return fc.sample(kind === 'requests' ? streams : response, { numRuns: count, seed }).map(bytesOf);
}
