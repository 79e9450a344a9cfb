// Where a message ends: Content-Length, Transfer-Encoding, chunks, trailers (RFC 9112, sections 6 and 7).
import {
  casesOf,
  chunked,
  endThenEvil,
  evil,
  evilInChunk,
  evilSent,
  get,
  got,
  lengthOf,
  post,
  posted,
  type Row,
  type SmugglingCase,
  seen,
} from './cases.ts';

const clTe: readonly Row[] = [
  ['length first', post(lengthOf(endThenEvil) + chunked, endThenEvil)],
  ['coding first', post(chunked + lengthOf(endThenEvil), endThenEvil)],
  ['in a GET', get(lengthOf(endThenEvil) + chunked, endThenEvil)],
  ['a length of nothing', post(`Content-Length: 0\r\n${chunked}`, endThenEvil)],
  ['names in lower case', post(`content-length: ${endThenEvil.length}\r\ntransfer-encoding: chunked\r\n`, endThenEvil)],
  ['names in upper case', post(`CONTENT-LENGTH: ${endThenEvil.length}\r\nTRANSFER-ENCODING: chunked\r\n`, endThenEvil)],
  [
    'a length that Connection drops',
    post(`${lengthOf(endThenEvil)}${chunked}Connection: Content-Length\r\n`, endThenEvil),
  ],
  [
    'a coding that Connection drops',
    post(`${lengthOf(endThenEvil)}${chunked}Connection: Transfer-Encoding\r\n`, endThenEvil),
  ],
  ['Connection: close', post(`${lengthOf(endThenEvil)}${chunked}Connection: close\r\n`, endThenEvil)],
];

const teCl: readonly Row[] = [
  ['length of the first line', post(`Content-Length: 4\r\n${chunked}`, evilInChunk)],
  ['coding first', post(`${chunked}Content-Length: 4\r\n`, evilInChunk)],
  ['a length of nothing', post(`${chunked}Content-Length: 0\r\n`, evilInChunk)],
  ['a length beyond the chunks', post(`${chunked}${lengthOf(`${evilInChunk}${evil}`)}`, `${evilInChunk}${evil}`)],
  ['in a GET', get(`Content-Length: 4\r\n${chunked}`, evilInChunk)],
  ['a length with a space before the colon', post(`Content-Length : 4\r\n${chunked}`, evilInChunk)],
];

/** Each stands beside a Content-Length that covers the whole; a reader who takes it for chunked sees two requests. */
const codings: readonly string[] = [
  ...['xchunked', 'chunkedx', 'chunke', 'x-chunked', 'chunked, identity', 'identity, chunked', 'chunked, chunked'],
  ...['gzip, chunked', 'chunked, gzip', 'chunked, cow', 'cow, chunked', 'identity', 'cow', ',chunked', 'chunked,'],
  ...['"chunked"', "'chunked'", 'chunked;', 'chunked;q=1', 'chunked; a=b', '[chunked]', '\\chunked', 'chunked chunked'],
  ...['cHuNkEd', 'CHUNKED', '\tchunked', 'chunked\t', '  chunked  ', '\x0bchunked', '\x0cchunked', 'chunked\x0b'],
  ...[
    '\0chunked',
    'chunked\0',
    'chunked\x7f',
    '\xa0chunked',
    'chunked\xa0',
    '\xffchunked',
    'chunked\x85',
    '\x1fchunked',
  ],
  ...['\rchunked', 'chunked\r', '\nchunked', '\r\n chunked', '\r\n\tchunked', 'x\r\n chunked', 'chun\r\n ked', ''],
];

const codingLines: readonly string[] = [
  ...['Transfer-Encoding : chunked', 'Transfer-Encoding\t: chunked', 'Transfer-Encoding\r: chunked'],
  ...['Transfer-Encoding\0: chunked', 'Transfer-Encoding\xa0: chunked', 'Transfer-Encoding\x0b: chunked'],
  ...[' Transfer-Encoding: chunked', '\tTransfer-Encoding: chunked', '\0Transfer-Encoding: chunked'],
  ...['\x0bTransfer-Encoding: chunked', 'Transfer Encoding: chunked', 'Transfer-Encod\xedng: chunked'],
  ...[
    'Transfer-Encoding chunked',
    'Transfer-Encoding= chunked',
    'Transfer-Encoding; chunked',
    '"Transfer-Encoding": chunked',
  ],
  ...['X: y\nTransfer-Encoding: chunked', 'X: y\rTransfer-Encoding: chunked', 'X: y\r\r\nTransfer-Encoding: chunked'],
  ...[
    'X: y\n\rTransfer-Encoding: chunked',
    'X: y\r\n Transfer-Encoding: chunked',
    'X: y\0\r\nTransfer-Encoding: chunked',
  ],
  ...['Transfer-Encoding: chunked\r\nTransfer-Encoding: x', 'Transfer-Encoding: x\r\nTransfer-Encoding: chunked'],
  ...['Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', 'Transfer-Encoding:\r\nTransfer-Encoding: chunked'],
  ...[
    'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked',
    'Transfer-Encoding: chunked\r\nTransfer-encoding: identity',
  ],
];

/** Other names, by the grammar: no coding at all, and the length counts. Some readers take an underscore for a hyphen. */
const otherNames = [
  'Transfer_Encoding: chunked',
  'Transfer-Encoding-: chunked',
  'X-Transfer-Encoding: chunked',
  'Content-Encoding: chunked',
];

const teTe: readonly Row[] = [
  ...codings.map(
    (value): Row => [
      `Transfer-Encoding:${JSON.stringify(value)}`,
      post(`${lengthOf(endThenEvil)}Transfer-Encoding:${value}\r\n`, endThenEvil),
    ],
  ),
  ...codingLines.map((line): Row => [JSON.stringify(line), post(`${lengthOf(endThenEvil)}${line}\r\n`, endThenEvil)]),
  ...otherNames.map(
    (line): Row => [line, post(`${lengthOf(endThenEvil)}${line}\r\n`, endThenEvil), posted(endThenEvil)],
  ),
];

/** Without a length: who does not see the coding sees no body, and takes what is in it for the next request. */
const teNone: readonly Row[] = [
  ...['xchunked', 'chunked, x', 'x, chunked', '\x0bchunked', 'chunked\0', '\r\n chunked', 'identity', 'gzip'].map(
    (value): Row => [`Transfer-Encoding:${JSON.stringify(value)} alone`, post(`Transfer-Encoding:${value}\r\n`, evil)],
  ),
  ['Transfer-Encoding : chunked alone', post('Transfer-Encoding : chunked\r\n', evil)],
  ['an empty Transfer-Encoding', post('Transfer-Encoding:\r\n', evil)],
];

const chunkSizes: readonly Row[] = [
  ['in two bases', post(chunked, `0x2\r\nxx\r\n0\r\n\r\n`)],
  ['0x0 first', post(chunked, `0x0\r\n\r\n${evil}`)],
  ['past 64 bits', post(chunked, `10000000000000000\r\n\r\n${evil}`)],
  ['past 32 bits', post(chunked, `100000000\r\n\r\n${evil}`)],
  ['past 64 bits, and a small rest', post(chunked, `10000000000000005\r\nhello\r\n0\r\n\r\n${evil}`)],
  ['of all ones', post(chunked, `ffffffffffffffff\r\nhello\r\n0\r\n\r\n${evil}`)],
  ['the largest signed one', post(chunked, `7fffffffffffffff\r\nhello\r\n0\r\n\r\n${evil}`)],
  ['with a minus', post(chunked, `-1\r\n\r\n0\r\n\r\n${evil}`)],
  ['with a minus and zero', post(chunked, `-0\r\n\r\n${evil}`)],
  ['with a plus', post(chunked, `+5\r\nhello\r\n0\r\n\r\n`)],
  ['with a plus and zero', post(chunked, `+0\r\n\r\n${evil}`)],
  ['with leading zeros', post(chunked, `00005\r\nhello\r\n000\r\n\r\n`), posted('hello')],
  ['with too many leading zeros', post(chunked, `${'0'.repeat(40)}5\r\nhello\r\n0\r\n\r\n`)],
  ['zeros without end', post(chunked, `${'0'.repeat(400)}\r\n\r\n${evil}`)],
  ['with a space behind', post(chunked, `5 \r\nhello\r\n0 \r\n\r\n`)],
  ['with a tab behind', post(chunked, `5\t\r\nhello\r\n0\r\n\r\n`)],
  ['with a space before', post(chunked, ` 5\r\nhello\r\n0\r\n\r\n`)],
  ['with a vertical tab behind', post(chunked, `5\x0b\r\nhello\r\n0\r\n\r\n`)],
  ['with NUL behind', post(chunked, `5\0\r\nhello\r\n0\r\n\r\n`)],
  ['with junk behind', post(chunked, `5g\r\nhello\r\n0\r\n\r\n`)],
  ['with an underscore', post(chunked, `1_0\r\n0123456789abcdef\r\n0\r\n\r\n`)],
  ['with an h behind', post(chunked, `0h\r\n\r\n${evil}`)],
  ['a fraction', post(chunked, `5.0\r\nhello\r\n0\r\n\r\n`)],
  ['none at all', post(chunked, `\r\nhello\r\n0\r\n\r\n`)],
  ['an empty line first', post(chunked, `\r\n0\r\n\r\n${evil}`)],
  ['a list', post(chunked, `5,5\r\nhello\r\n0\r\n\r\n`)],
  ['digits of another script', post(chunked, `\xd9\xa5\r\nhello\r\n0\r\n\r\n`)],
  [
    'upper and lower case',
    post(chunked, `A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n`),
    posted('01234567890123456789'),
  ],
];

const chunkEnds: readonly Row[] = [
  ['LF after the size', post(chunked, `5\nhello\r\n0\r\n\r\n`)],
  ['CR after the size', post(chunked, `5\rhello\r\n0\r\n\r\n`)],
  ['LF after the data', post(chunked, `5\r\nhello\n0\r\n\r\n`)],
  ['CR after the data', post(chunked, `5\r\nhello\r0\r\n\r\n`)],
  ['nothing after the data', post(chunked, `5\r\nhello0\r\n\r\n`)],
  ['two other bytes after the data', post(chunked, `5\r\nhelloXX0\r\n\r\n${evil}`)],
  ['more data than the size', post(chunked, `4\r\nhello\r\n0\r\n\r\n`)],
  ['LF all over', post(chunked, `5\nhello\n0\n\n`)],
  ['LF after the last size', post(chunked, `5\r\nhello\r\n0\n\r\n${evil}`)],
  ['LF at the very end', post(chunked, `5\r\nhello\r\n0\r\n\n${evil}`)],
  ['CR at the very end', post(chunked, `5\r\nhello\r\n0\r\n\r${evil}`)],
  ['CR CR LF after the size', post(chunked, `5\r\r\nhello\r\n0\r\n\r\n`)],
  ['no last chunk', post(chunked, `5\r\nhello\r\n\r\n${evil}`)],
  ['a last chunk without its end', post(chunked, `5\r\nhello\r\n0\r\n${evil}`)],
];

const extensions: readonly Row[] = [
  ['that ends in LF', post(chunked, `5;\nhello\r\n0\r\n\r\n`)],
  ['that ends in LF, two lengths', post(chunked, `2;\nxx\r\n4c\r\n0\r\n\r\n${evil}`)],
  ['with a value that ends in LF', post(chunked, `5;a=b\nhello\r\n0\r\n\r\n`)],
  ['with CR in it', post(chunked, `5;a\rb\r\nhello\r\n0\r\n\r\n`)],
  ['with CR LF in a quoted value', post(chunked, `5;a="\r\n"\r\nhello\r\n0\r\n\r\n`)],
  ['with a request in a quoted value', post(chunked, `0;a="\r\n\r\n${evil}"\r\n\r\n`)],
  ['with LF in a quoted value', post(chunked, `5;a="\n"\r\nhello\r\n0\r\n\r\n`)],
  ['whose quote does not end', post(chunked, `5;a="b\r\nhello\r\n0\r\n\r\n`)],
  ['with NUL', post(chunked, `5;a=\0\r\nhello\r\n0\r\n\r\n`)],
  ['without a name', post(chunked, `5;\r\nhello\r\n0\r\n\r\n`)],
  ['without a value', post(chunked, `5;a=\r\nhello\r\n0\r\n\r\n`)],
  ['after a space', post(chunked, `5 ;a=b\r\nhello\r\n0\r\n\r\n`)],
  ['before a space', post(chunked, `5; a=b\r\nhello\r\n0\r\n\r\n`)],
  ['of many bytes', post(chunked, `5;${'a'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`)],
  ['of the last chunk, with LF', post(chunked, `5\r\nhello\r\n0;a\n\r\n${evil}`)],
  ['that is one, and goes no further', post(chunked, `5;a=b;c="d\\"e"\r\nhello\r\n0;f\r\n\r\n`), posted('hello')],
];

const trailers: readonly Row[] = [
  ['Content-Length', post(chunked, `5\r\nhello\r\n0\r\n${lengthOf(evil)}\r\n${evil}`)],
  ['Transfer-Encoding', post(chunked, `5\r\nhello\r\n0\r\n${chunked}\r\n${evilInChunk}`)],
  ['Host', post(chunked, `5\r\nhello\r\n0\r\nHost: b\r\n\r\n`)],
  ['a folded line', post(chunked, `5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n`)],
  ['a bare LF', post(chunked, `5\r\nhello\r\n0\r\nX: y\nContent-Length: 3\r\n\r\n`)],
  ['a bare CR', post(chunked, `5\r\nhello\r\n0\r\nX: y\rContent-Length: 3\r\n\r\n`)],
  ['NUL', post(chunked, `5\r\nhello\r\n0\r\nX: \0\r\n\r\n`)],
  ['a space before the colon', post(chunked, `5\r\nhello\r\n0\r\nContent-Length : 3\r\n\r\n`)],
  ['a line without a colon', post(chunked, `5\r\nhello\r\n0\r\n${evil}\r\n`)],
  [
    'a field that harms nobody, and goes no further',
    post(chunked, `5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n`),
    posted('hello'),
  ],
];

const lengths: readonly Row[] = [
  ...[
    '+{n}',
    '-{n}',
    '{n}x',
    '{n} x',
    'x{n}',
    '0x{h}',
    '{n}.0',
    '{n}e0',
    '"{n}"',
    '0{n}',
    '{n};',
    '{n},',
    ',{n}',
    '{n},{n}',
    '{n}, {n}',
    '0, {n}',
    '{n}, 0',
  ]
    .concat([
      '{n}\x0b',
      '{n}\0',
      '\xa0{n}',
      '{n}\xa0',
      '{n}\r\n 0',
      '\r\n {n}',
      '{n}\n0',
      '{n}_',
      '1{n}999999999999999999',
      '18446744073709551616',
      '-1',
      '-0',
      ' ',
      '',
    ])
    .map((form): Row => {
      const value = form.replaceAll('{n}', String(evil.length)).replaceAll('{h}', evil.length.toString(16));
      return [`Content-Length:${JSON.stringify(form)}`, post(`Content-Length: ${value}\r\n`, evil)];
    }),
  ['two that differ', post(`Content-Length: 0\r\n${lengthOf(evil)}`, evil)],
  ['two that agree', post(`${lengthOf(evil)}${lengthOf(evil)}`, evil)],
  ['two, the second in lower case', post(`${lengthOf(evil)}content-length: 0\r\n`, evil)],
  ['two, one behind a bare LF', post(`${lengthOf(evil)}X: y\nContent-Length: 0\r\n`, evil)],
  ['two, one folded into another field', post(`${lengthOf(evil)}X: y\r\n Content-Length: 0\r\n`, evil)],
  ['two, one with a space before the colon', post(`Content-Length: 0\r\nContent-Length : ${evil.length}\r\n`, evil)],
  ['with a tab before the colon', post(`Content-Length\t: ${evil.length}\r\n`, evil)],
  ['in a name with an underscore', post(`Content_Length: ${evil.length}\r\nContent-Length: 0\r\n`), posted('')],
  ['shorter than the body', post('Content-Length: 2\r\n', `hi${evil}`), posted('hi'), evilSent],
];

const bodies: readonly Row[] = [
  ['of a GET with a length', get(lengthOf(evil), evil), got(evil)],
  ['of a GET in chunks', get(chunked, evilInChunk), got(evil)],
  ['of a DELETE', get(lengthOf(evil), evil).replace('GET', 'DELETE'), { ...got(evil), method: 'DELETE' }],
  ['of a POST that holds a request', post(lengthOf(evil), evil), posted(evil)],
  ['of a POST in chunks that holds a request', post(chunked, evilInChunk), posted(evil)],
  ['of a POST without a length', post('', evil), posted(''), evilSent],
  ['after Connection: close', post('Connection: close\r\nContent-Length: 0\r\n', evil), posted('')],
  ['that never ends', post('Content-Length: 500\r\n', evil)],
  ['named by Connection', post(`${lengthOf(evil)}Connection: Content-Length\r\n`, evil)],
  ['of a GET whose length Connection drops', get(`${lengthOf(evil)}Connection: close, content-length\r\n`, evil)],
  [
    `with the target ${'x'.repeat(20)}`,
    post(lengthOf(evil), evil, `${seen}/${'x'.repeat(20)}`),
    posted(evil, `${seen}/${'x'.repeat(20)}`),
  ],
];

export const framingCases: readonly SmugglingCase[] = [
  ...casesOf('CL.TE', clTe),
  ...casesOf('TE.CL', teCl),
  ...casesOf('TE.TE', teTe),
  ...casesOf('TE without CL', teNone),
  ...casesOf('chunk size', chunkSizes),
  ...casesOf('end of a chunk', chunkEnds),
  ...casesOf('chunk extension', extensions),
  ...casesOf('trailer', trailers),
  ...casesOf('Content-Length', lengths),
  ...casesOf('body', bodies),
];
