import type { AcmeChallenge } from '../api/edge-tls.ts';
import { problemBody, problemType } from '../api/problem.ts';
import type { GatewaySnapshot } from '../api/snapshot.ts';
import type { Reply, ServerRequest } from '../net/index.ts';

// RFC 8555, section 8.3.
const challengePath = '/.well-known/acme-challenge/';

/** What is done on the plain port: a certificate authority gets its proof, everybody else is sent to https. Nothing is forwarded from here. */
export function answerPlainly(
  request: ServerRequest,
  reply: Reply,
  snapshot: Pick<GatewaySnapshot, 'publicUrl' | 'redirect'>,
  challenges: readonly AcmeChallenge[],
): void {
  if (request.path.startsWith(challengePath)) return prove(request.path.slice(challengePath.length), reply, challenges);
  const { protocol, host, port } = new URL(snapshot.publicUrl);
  // Another host is kept where it is one of ours; what a client merely claims leads nowhere else.
  const isOurs = snapshot.redirect?.hosts.includes(request.host) === true;
  const authority = isOurs ? `${request.host}${port === '' ? '' : `:${port}`}` : host;
  const query = request.query === undefined ? '' : `?${request.query}`;
  const path = request.path === '*' ? '/' : request.path;
  reply.send(308, { location: `${protocol}//${authority}${path}${query}`, 'cache-control': 'no-store' });
}

function prove(token: string, reply: Reply, challenges: readonly AcmeChallenge[]): void {
  const challenge = challenges.find((each) => each.type === 'http-01' && each.token === token);
  if (challenge?.type === 'http-01')
    return reply.send(200, { 'content-type': 'application/octet-stream' }, challenge.keyAuthorization);
  reply.send(
    404,
    { 'content-type': problemType },
    problemBody(404, 'gateway.no-challenge', 'no such challenge is under way', ''),
  );
}
