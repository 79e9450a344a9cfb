import { expect, test } from 'vitest';
import type { AcmeChallenge } from '../api/edge-tls.ts';
import type { Reply, ServerRequest } from '../net/index.ts';
import { answerPlainly } from './redirect.ts';

const challenges: AcmeChallenge[] = [
  { type: 'http-01', domain: 'shop.example', token: 'known', keyAuthorization: 'known.thumbprint' },
];
const snapshot = {
  publicUrl: 'https://shop.example:8443',
  redirect: { host: '0.0.0.0', port: 80, hosts: ['shop.example', 'api.shop.example'] },
};

function ask(path: string, host = 'shop.example', query?: string) {
  let sent: { status: number; location: string | undefined; body: string } | undefined;
  const reply = {
    send: (status: number, headers: Record<string, string>, body?: string) => {
      sent = { status, location: headers.location, body: body ?? '' };
    },
  };
  answerPlainly({ path, host, query } as ServerRequest, reply as unknown as Reply, snapshot, challenges);
  return sent;
}

test.each([
  ['/a/b', 'shop.example', 'x=1', 'https://shop.example:8443/a/b?x=1'],
  ['/', 'api.shop.example', undefined, 'https://api.shop.example:8443/'],
  ['/', 'evil.example', undefined, 'https://shop.example:8443/'],
  ['*', '', undefined, 'https://shop.example:8443/'],
])('%s of %s goes to https', (path, host, query, location) => {
  expect(ask(path, host, query)).toMatchObject({ status: 308, location });
});

test('a challenge gets its proof, by its token alone', () => {
  expect(ask('/.well-known/acme-challenge/known')).toMatchObject({ status: 200, body: 'known.thumbprint' });
  for (const path of [
    '/.well-known/acme-challenge/',
    '/.well-known/acme-challenge/other',
    '/.well-known/acme-challenge/known/x',
  ])
    expect(ask(path)?.status).toBe(404);
});
