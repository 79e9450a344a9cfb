import { NetError } from './errors.ts';
import { tokenChars } from './grammar.ts';
import { type HeadBounds, HeadParser, lineEnd, more } from './head-parser.ts';

const space = 0x20;
const longestMethod = 32;

/** Reads request heads. */
export class RequestHeadParser extends HeadParser {
  method = '';
  target = '';
  version: '1.0' | '1.1' = '1.1';
  readonly #targetBytes: number;

  constructor(bounds: HeadBounds) {
    super(bounds);
    this.#targetBytes = bounds.targetBytes;
  }

  override forget(): void {
    super.forget();
    this.method = '';
    this.target = '';
  }

  /** request-line = method SP request-target SP HTTP-version CRLF; one empty line before it is skipped (RFC 9112, section 2.2). */
  protected override startLine(text: string, at: number): number {
    // What a refusal tells must not be of the request before.
    this.method = '';
    this.target = '';
    const start = text.charCodeAt(at) === 0x0d ? lineEnd(text, at) : at;
    if (start === more) return more;
    const methodEnd = this.#method(text, start);
    if (methodEnd === more) return more;
    const targetEnd = this.#target(text, methodEnd + 1);
    if (targetEnd === more) return more;
    const versionEnd = targetEnd + 9;
    if (text.length < versionEnd) {
      checkVersionSoFar(text.substring(targetEnd + 1));
      return more;
    }
    this.version = parseVersion(text.substring(targetEnd + 1, versionEnd));
    return lineEnd(text, versionEnd);
  }

  #method(text: string, start: number): number {
    let here = start;
    while (here < text.length && tokenChars[text.charCodeAt(here)] === 1) here++;
    if (here - start > longestMethod) throw new NetError('net.bad-method', 400, 'the method is too long');
    if (here === text.length) return more;
    if (here === start || text.charCodeAt(here) !== space) {
      throw new NetError('net.bad-method', 400, 'the request does not begin with a method');
    }
    this.method = text.substring(start, here);
    return here;
  }

  #target(text: string, start: number): number {
    let here = start;
    while (here < text.length && isVisible(text.charCodeAt(here))) here++;
    if (here - start > this.#targetBytes) {
      throw new NetError('net.target-too-long', 414, 'the request target is too long');
    }
    if (here === text.length) {
      this.target = text.substring(start, here);
      return more;
    }
    if (here === start || text.charCodeAt(here) !== space) {
      throw new NetError('net.bad-request-line', 400, 'the request line is not method, target and version');
    }
    this.target = text.substring(start, here);
    return here;
  }
}

/** VCHAR. Bytes above ASCII have no place in a target. */
const isVisible = (code: number): boolean => code > 0x20 && code < 0x7f;

const versions = ['HTTP/1.1', 'HTTP/1.0'];

function checkVersionSoFar(text: string): void {
  if (!versions.some((version) => version.startsWith(text))) parseVersion(text);
}

const otherVersion = /^HTTP\/\d\.\d$/;

function parseVersion(text: string): '1.0' | '1.1' {
  if (text === 'HTTP/1.1') return '1.1';
  if (text === 'HTTP/1.0') return '1.0';
  if (otherVersion.test(text)) throw new NetError('net.bad-version', 505, 'only HTTP/1.0 and HTTP/1.1 are spoken here');
  throw new NetError('net.bad-version', 400, 'the request line does not end with an HTTP version');
}
