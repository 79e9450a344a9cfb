// An ACME authority of a few lines under a manual clock: for time and failures. What the protocol demands is Pebble's to judge.
import type { AcmeFetch } from '../../src/control/index.ts';
import type { Clock } from '../../src/core/clock.ts';
import { DerReader } from '../../src/crypto/der-read.ts';
import {
  encodeName,
  exportPublicKey,
  formatCertificatesPem,
  generateKeyPair,
  type Issuer,
  issueCertificate,
  keyIdentifier,
} from '../../src/crypto/index.ts';

export const directoryUrl = 'https://ca.example/dir';

export interface FakeAuthority {
  readonly fetch: AcmeFetch;
  /** What was asked, in order: `POST /order`. */
  readonly asked: string[];
  /** Requests of any kind. */
  calls: number;
  /** Answers by path that stand before its own. */
  readonly answers: Map<string, { status: number; body?: object; headers?: Record<string, string> }>;
  /** Certificates that it has issued. */
  issued: number;
  /** What it does otherwise than it should. */
  fault: 'none' | 'other-key' | 'other-name' | 'expired';
  /** What it suggests, where it does: a window of renewal. */
  window: { start: string; end: string } | undefined;
  /** `replaces` of the last order. */
  replaces: unknown;
}

export function createFakeAuthority(clock: Clock, lifeMs: number): FakeAuthority {
  const keys = generateKeyPair('P-256');
  const name = encodeName({ commonName: 'Fake authority' });
  const issuer: Issuer = { name, privateKey: keys.privateKey, keyId: keyIdentifier(exportPublicKey(keys.publicKey)) };
  let nonce = 0;
  let proven = false;
  let chain = '';
  let names: string[] = [];

  const own = (
    path: string,
    payload: Record<string, unknown>,
  ): { status: number; body?: object | string; headers?: Record<string, string> } => {
    const url = (rest: string): string => `https://ca.example${rest}`;
    const order = {
      status: chain !== '' ? 'valid' : proven ? 'ready' : 'pending',
      authorizations: [url('/authz')],
      finalize: url('/finalize'),
      certificate: url('/cert'),
    };
    switch (path) {
      case '/dir':
        return {
          status: 200,
          body: {
            newNonce: url('/nonce'),
            newAccount: url('/account'),
            newOrder: url('/new-order'),
            ...(authority.window === undefined ? {} : { renewalInfo: url('/ari') }),
          },
        };
      case '/account':
        return { status: 201, body: {}, headers: { location: url('/account/1') } };
      case '/new-order':
        [proven, chain] = [false, ''];
        names = (payload.identifiers as { value: string }[]).map(({ value }) => value);
        authority.replaces = payload.replaces;
        return { status: 201, body: {}, headers: { location: url('/order') } };
      case '/authz':
        return {
          status: 200,
          body: {
            status: proven ? 'valid' : 'pending',
            identifier: { value: names[0] },
            challenges: [{ type: 'http-01', url: url('/challenge'), token: 'a-token-of-the-authority' }],
          },
        };
      case '/challenge':
        proven = true;
        return { status: 200, body: {} };
      case '/finalize':
        chain = issue(String(payload.csr));
        return { status: 200, body: order };
      case '/cert':
        return { status: 200, body: chain };
      case '/order':
        return { status: 200, body: order };
      default:
        return path.startsWith('/ari/')
          ? { status: 200, body: { suggestedWindow: authority.window } }
          : { status: 404, body: {} };
    }
  };
  const issue = (csr: string): string => {
    authority.issued++;
    const request = new DerReader(Buffer.from(csr, 'base64url')).enter(0x30).enter(0x30);
    request.read();
    request.read();
    const publicKey =
      authority.fault === 'other-key' ? exportPublicKey(generateKeyPair('P-256').publicKey) : request.read().raw;
    const notBeforeMs = clock.now() - (authority.fault === 'expired' ? 2 * lifeMs : 0);
    return formatCertificatesPem([
      issueCertificate({
        subject: encodeName({}),
        publicKey,
        issuer,
        notBeforeMs,
        notAfterMs: notBeforeMs + lifeMs,
        keyUsage: ['digitalSignature'],
        altNames: { dnsNames: authority.fault === 'other-name' ? ['other.example'] : names },
      }),
    ]);
  };
  const authority: FakeAuthority = {
    asked: [],
    calls: 0,
    answers: new Map(),
    issued: 0,
    fault: 'none',
    window: undefined,
    replaces: undefined,
    fetch: async ({ method, url, body }) => {
      const { pathname } = new URL(url);
      authority.calls++;
      if (method === 'POST') authority.asked.push(pathname);
      const sent = body === undefined ? '' : (JSON.parse(body) as { payload: string }).payload;
      const payload = sent === '' || sent === undefined ? {} : JSON.parse(Buffer.from(sent, 'base64url').toString());
      const answer = authority.answers.get(pathname) ?? own(pathname, payload);
      const headers: Record<string, string> = { 'replay-nonce': `nonce-${++nonce}`, ...answer.headers };
      const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {});
      return { status: answer.status, header: (header) => headers[header], body: text };
    },
  };
  return authority;
}
