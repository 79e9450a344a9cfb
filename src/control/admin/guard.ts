import { createHash } from 'node:crypto';
import type { Weaknesses } from '../../api/protections.ts';
import type { Denial } from '../../api/record.ts';
import { equalConstantTime } from '../../core/bytes.ts';

/** What the guard looks at; names in lower case. */
export interface GuardedRequest {
  readonly host: string;
  readonly port: number | undefined;
  header(name: string): string | undefined;
}

/**
 * Who may speak to the admin API: someone who asks for it by its own loopback name (a page whose name was rebound to
 * 127.0.0.1 does not), whose browser does not say that another site made it ask, and who holds the admin token.
 */
export function createGuard(
  token: string,
  port: number,
  weaknesses: Weaknesses,
): (request: GuardedRequest) => Denial | undefined {
  const expected = digest(`Bearer ${token}`);
  const ownHosts = new Set(['127.0.0.1', 'localhost']);
  const ownOrigins = new Set([...ownHosts].map((host) => `https://${host}:${port}`));

  const isOwnHost = ({ host, port: asked }: GuardedRequest): boolean =>
    weaknesses.has('admin.host') || (ownHosts.has(host) && asked === port);
  const isOwnOrigin = (request: GuardedRequest): boolean => {
    if (weaknesses.has('admin.origin')) return true;
    const origin = request.header('origin');
    const site = request.header('sec-fetch-site');
    return (
      (origin === undefined || ownOrigins.has(origin)) &&
      (site === undefined || site === 'same-origin' || site === 'none')
    );
  };
  const isOperator = (request: GuardedRequest): boolean =>
    weaknesses.has('admin.authentication') ||
    equalConstantTime(digest(request.header('authorization') ?? ''), expected);

  return (request) => {
    if (!isOwnHost(request)) return misdirected;
    if (!isOwnOrigin(request)) return crossOrigin;
    return isOperator(request) ? undefined : unauthenticated;
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

const misdirected: Denial = {
  status: 421,
  reason: {
    filter: 'admin',
    code: 'admin.host',
    message: 'this host name is not served here',
    claim: 'host',
    expected: 'localhost or 127.0.0.1 with the admin port',
  },
};

const crossOrigin: Denial = {
  status: 403,
  reason: { filter: 'admin', code: 'admin.origin', message: 'calls from other origins are refused', claim: 'origin' },
};

const unauthenticated: Denial = {
  status: 401,
  headers: { 'www-authenticate': 'Bearer realm="merlon-admin"' },
  reason: {
    filter: 'admin',
    code: 'admin.unauthenticated',
    message: 'the admin token is missing or wrong',
    claim: 'authorization',
    fixes: ['run the command as the user who owns the state folder'],
  },
};
