import { forwardedFields } from './client-address.ts';
import { NetError } from './errors.ts';
import { isToken } from './grammar.ts';
import type { Headers } from './headers.ts';
import { isHopByHop } from './hop-by-hop.ts';

/** What the fields of a head say about the message's framing and the connection. Reused from message to message. */
export class Framing {
  /** Content-Length, or -1. */
  contentLength = -1;
  chunked = false;
  /** Connection options that matter here. */
  close = false;
  keepAlive = false;
  upgradeOption = false;
  /** Value of Upgrade, where there is exactly one. */
  upgrade: string | undefined;
  expect: string | undefined;
  host: string | undefined;
  /** Fields that Connection names besides the usual options: they end here. */
  #named: string[] | undefined;
  #hosts = 0;
  #lengths = 0;
  #encodings = 0;

  #version: '1.0' | '1.1' | undefined;

  /** As `read`, for a head whose field section is the same, byte for byte, as in the one before: only the version may differ. */
  again(headers: Headers, version: '1.0' | '1.1'): void {
    if (version !== this.#version) this.read(headers, version);
    else if (this.#named !== undefined) for (const name of this.#named) headers.delete(name);
  }

  /**
   * Reads the framing fields (RFC 9112, sections 6 and 7), and removes from `headers` what Connection names: before any filter
   * adds a field of its own, so that no client can name that one. Throws `net.bad-framing` on whatever two parties could
   * read in two ways, `net.bad-host` on more than one Host, `net.bad-header` where Connection names a field that every hop needs.
   */
  read(headers: Headers, version: '1.0' | '1.1'): void {
    this.#reset();
    this.#version = version;
    const { pairs } = headers;
    for (let at = 0; at < pairs.length; at += 2) this.#field(pairs[at] as string, pairs[at + 1] as string);
    if (this.#named !== undefined) for (const name of this.#named) headers.delete(name);
    if (this.#hosts > 1) throw new NetError('net.bad-host', 400, 'there is more than one Host field');
    if (this.#lengths > 1) throw badFraming('there is more than one Content-Length');
    if (this.#encodings === 0) return;
    if (this.#encodings > 1) throw badFraming('there is more than one Transfer-Encoding');
    if (this.#lengths > 0) throw badFraming('there are both Content-Length and Transfer-Encoding');
    if (version === '1.0') throw badFraming('an HTTP/1.0 message has a Transfer-Encoding');
  }

  #reset(): void {
    this.contentLength = -1;
    this.chunked = false;
    this.close = false;
    this.keepAlive = false;
    this.upgradeOption = false;
    this.upgrade = undefined;
    this.expect = undefined;
    this.host = undefined;
    this.#named = undefined;
    this.#hosts = 0;
    this.#lengths = 0;
    this.#encodings = 0;
  }

  #field(name: string, value: string): void {
    switch (name) {
      case 'host':
        this.#hosts++;
        this.host = value;
        break;
      case 'content-length':
        this.#lengths++;
        this.contentLength = parseContentLength(value);
        break;
      case 'transfer-encoding':
        this.#encodings++;
        if (value.toLowerCase() !== 'chunked') throw badFraming('the Transfer-Encoding is not `chunked`');
        this.chunked = true;
        break;
      case 'connection':
        this.#connection(value);
        break;
      case 'upgrade':
        this.upgrade = this.upgrade === undefined ? value : `${this.upgrade}, ${value}`;
        break;
      case 'expect':
        this.expect = this.expect === undefined ? value : `${this.expect}, ${value}`;
        break;
    }
  }

  #connection(value: string): void {
    if (value === 'keep-alive') this.keepAlive = true;
    else if (value === 'close') this.close = true;
    else {
      for (const option of connectionOptions(value)) {
        if (option === 'close') this.close = true;
        else if (option === 'keep-alive') this.keepAlive = true;
        else if (option === 'upgrade') this.upgradeOption = true;
        else if (needed.has(option)) throw badHeader(`the Connection field names \`${option}\``);
        else if (!isHopByHop(option)) (this.#named ??= []).push(option);
      }
    }
  }
}

/** Fields that no client may have removed on the way. */
const needed = new Set([
  ...['host', 'content-length', 'content-type', 'content-encoding', 'authorization', 'cookie', 'origin', 'date'],
  ...['cache-control', 'dpop', 'traceparent', 'x-api-key', ...forwardedFields],
]);

/** Members of a Connection field, in lower case. Throws `net.bad-header` where one is no token. */
function connectionOptions(value: string): string[] {
  const options: string[] = [];
  for (const part of value.split(',')) {
    const option = part.trim().toLowerCase();
    if (option === '') continue;
    if (!isToken(option)) throw badHeader('a member of the Connection field is not a token');
    options.push(option);
  }
  return options;
}

/** Value of a Content-Length: 1*DIGIT without leading zeros, at most 15 of them, so that it is exact. */
export function parseContentLength(value: string): number {
  const { length } = value;
  if (length === 0 || length > 15 || (length > 1 && value.charCodeAt(0) === 0x30)) {
    throw badFraming('the Content-Length is not a decimal number');
  }
  let total = 0;
  for (let at = 0; at < length; at++) {
    const digit = value.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) throw badFraming('the Content-Length is not a decimal number');
    total = total * 10 + digit;
  }
  return total;
}

function badFraming(message: string): NetError {
  return new NetError('net.bad-framing', 400, message);
}

function badHeader(message: string): NetError {
  return new NetError('net.bad-header', 400, message);
}

/** Whether the client waits for 100 before it sends its body (RFC 9110, section 10.1.1). Throws `net.bad-expectation`. */
export function expectsContinue(expect: string | undefined, version: '1.0' | '1.1'): boolean {
  if (expect === undefined || version === '1.0') return false;
  if (expect.toLowerCase() === '100-continue') return true;
  throw new NetError('net.bad-expectation', 417, 'the only expectation that is met here is `100-continue`');
}
