import { isIPv6 } from 'node:net';
import { NetError } from './errors.ts';
import { hexValues, queryChars } from './grammar.ts';

/** The parts of a request target. */
export interface Target {
  /** `*`, or an absolute path as it stands on the wire. */
  readonly path: string;
  readonly query: string | undefined;
  /** Of an absolute-form target, else undefined. */
  readonly authority: string | undefined;
  readonly scheme: 'http' | 'https' | undefined;
}

/**
 * Splits a request target (RFC 9112, section 3.2): origin-form, absolute-form with http or https, and the asterisk for OPTIONS.
 * Throws `net.bad-target`, `net.connect-refused`. The path's own grammar is `normalisePath`'s to check.
 */
export function parseTarget(method: string, target: string): Target {
  if (method === 'CONNECT') throw new NetError('net.connect-refused', 405, 'CONNECT is not served here');
  if (target.charCodeAt(0) === 0x2f) return split(target, undefined, undefined);
  if (target === '*' && method === 'OPTIONS') {
    return { path: '*', query: undefined, authority: undefined, scheme: undefined };
  }
  return absolute(target);
}

function absolute(target: string): Target {
  const match = /^(https?):\/\/([^/?#]{1,300})/i.exec(target);
  if (match === null) throw bad('is neither a path nor an http URL');
  const [prefix, scheme, authority] = match as unknown as [string, string, string];
  const rest = target.slice(prefix.length);
  const path = rest === '' || rest.startsWith('?') ? `/${rest}` : rest;
  return split(path, authority.toLowerCase(), scheme.toLowerCase() as 'http' | 'https');
}

function split(text: string, authority: string | undefined, scheme: 'http' | 'https' | undefined): Target {
  const mark = text.indexOf('?');
  if (mark < 0) return { path: checkNoFragment(text), query: undefined, authority, scheme };
  const query = text.substring(mark + 1);
  checkQuery(query);
  return { path: checkNoFragment(text.substring(0, mark)), query, authority, scheme };
}

function checkNoFragment(path: string): string {
  if (path.includes('#')) throw bad('holds a fragment');
  return path;
}

function checkQuery(query: string): void {
  for (let at = 0; at < query.length; at++) {
    const code = query.charCodeAt(at);
    if (queryChars[code] === 1) continue;
    if (code !== 0x25)
      throw bad(code === 0x23 ? 'holds a fragment' : 'holds a query with a character that is not allowed');
    const high = hexValues[query.charCodeAt(at + 1)] ?? 255;
    const low = hexValues[query.charCodeAt(at + 2)] ?? 255;
    if (high === 255 || low === 255) throw bad('holds an invalid percent-encoding');
    at += 2;
  }
}

function bad(why: string): NetError {
  return new NetError('net.bad-target', 400, `the request target ${why}`);
}

/** Host and port of an authority. */
export interface Authority {
  /** Lower case, without a final dot; IPv6 in brackets. */
  readonly host: string;
  readonly port: number | undefined;
}

// Names as DNS and containers have them: no sub-delims, no percent-encoding, which no real host holds.
const authorityPattern = /^(?:([a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?|\[([0-9a-f:.]{2,45})\])(?::([1-9][0-9]{0,4}))?$/i;

/** Parses `host[:port]`. Throws `net.bad-host`. */
export function parseAuthority(text: string): Authority {
  const match = text.length > 300 ? null : authorityPattern.exec(text);
  const [, name, literal, digits] = match ?? [];
  const port = digits === undefined ? undefined : Number(digits);
  const isHost = name !== undefined || (literal !== undefined && isIPv6(literal));
  if (!isHost || (port !== undefined && port > 65_535)) {
    throw new NetError('net.bad-host', 400, 'the Host field is not a host name or address with an optional port');
  }
  return { host: (name ?? `[${literal}]`).toLowerCase(), port };
}

const noAuthority: Authority = { host: '', port: undefined };

/** Reads the host of one request after another of a connection: nearly always the same. */
export class HostReader {
  #text: string | undefined;
  #authority = noAuthority;

  /**
   * The authority that a request is for (RFC 9112, section 3.2): its Host field, which HTTP/1.1 demands, and with which an
   * absolute target must agree. Throws `net.bad-host`.
   */
  read(field: string | undefined, absolute: string | undefined, version: '1.0' | '1.1' | '2'): Authority {
    if (field === undefined) {
      if (version !== '1.0') throw new NetError('net.bad-host', 400, 'there is no Host field');
      return absolute === undefined ? noAuthority : parseAuthority(absolute);
    }
    if (absolute !== undefined && absolute !== field.toLowerCase()) {
      throw new NetError('net.bad-host', 400, 'the request target and the Host field name different hosts');
    }
    if (field !== this.#text) {
      this.#authority = parseAuthority(field);
      this.#text = field;
    }
    return this.#authority;
  }
}
