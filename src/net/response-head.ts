import { NetError } from './errors.ts';
import { fieldValueChars } from './grammar.ts';
import { HeadParser, lineEnd, more } from './head-parser.ts';

const space = 0x20;
const statusLineLength = 'HTTP/1.1 200'.length;

/** Reads response heads. What it throws is told apart by its code; an upstream's fault never becomes a client's 4xx. */
export class ResponseHeadParser extends HeadParser {
  status = 0;
  version: '1.0' | '1.1' = '1.1';

  /** status-line = HTTP-version SP status-code SP [ reason-phrase ] CRLF. The second SP may be missing with the phrase: many servers do so, and nothing can be mistaken. */
  protected override startLine(text: string, at: number): number {
    if (text.length - at < statusLineLength + 1) {
      if (!'HTTP/1.'.startsWith(text.substring(at, at + 7))) throw malformed('the response is not HTTP/1');
      return more;
    }
    const minor = text.charCodeAt(at + 7);
    if (!text.startsWith('HTTP/1.', at) || (minor !== 0x30 && minor !== 0x31) || text.charCodeAt(at + 8) !== space) {
      throw malformed('the response does not begin with an HTTP/1 version');
    }
    this.version = minor === 0x31 ? '1.1' : '1.0';
    this.status = parseStatus(text, at + 9);
    if (this.status < 200 && this.version === '1.0') throw malformed('HTTP/1.0 has no interim responses');
    let here = at + statusLineLength;
    if (text.charCodeAt(here) === space) {
      here++;
      while (here < text.length && fieldValueChars[text.charCodeAt(here)] === 1) here++;
    }
    return lineEnd(text, here);
  }

  protected override tooLarge(): NetError {
    return new NetError('net.upstream-too-large', 502, 'the header fields of the response are too large');
  }
}

function parseStatus(text: string, at: number): number {
  let status = 0;
  for (let here = at; here < at + 3; here++) {
    const digit = text.charCodeAt(here) - 0x30;
    if (digit < 0 || digit > 9) throw malformed('the status code is not three digits');
    status = status * 10 + digit;
  }
  if (status < 100 || status > 599) throw malformed('the status code is none that exists');
  return status;
}

function malformed(message: string): NetError {
  return new NetError('net.upstream-malformed', 502, message);
}
