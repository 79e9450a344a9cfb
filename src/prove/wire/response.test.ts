import { describe, expect, test } from 'vitest';
import { fieldOf, parseResponses } from './response.ts';

const parse = (text: string, ended = false) => parseResponses(Buffer.from(text), ended);

describe('responses on a connection', () => {
  test('are told apart by their lengths', () => {
    const found = parse('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n');
    expect(found.map(({ status, body }) => [status, body])).toEqual([
      [200, 'ab'],
      [404, ''],
    ]);
    expect(fieldOf(found[0], 'content-length')).toBe('2');
  });

  test('may be chunked', () => {
    const [found] = parse('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n');
    expect(found?.body).toBe('abcd');
  });

  test('are not complete before their last byte', () => {
    expect(parse('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc')).toEqual([]);
    expect(parse('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc', true)[0]?.body).toBe('abc');
    expect(parse('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nab')).toEqual([]);
    expect(parse('HTTP/1.1 200 OK\r\n\r\nabc')).toEqual([]);
    expect(parse('HTTP/1.1 200 OK\r\n\r\nabc', true)[0]?.body).toBe('abc');
  });

  test('do not count while they are interim', () => {
    const found = parse('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 None\r\n\r\n');
    expect(found.map(({ status }) => status)).toEqual([204]);
  });

  test('are read as UTF-8', () => {
    expect(parse('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nä')[0]?.body).toBe('ä');
  });

  test('that are none are left alone', () => {
    expect(parse('\x15\x03\x01\x00\x02', true)).toEqual([]);
  });
});
