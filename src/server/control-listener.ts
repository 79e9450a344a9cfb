import { join } from 'node:path';
import type { AdminAddress } from '../api/admin.ts';
import { createAdminHandler, createGuard } from '../control/index.ts';
import { tryReadPrivateText, writeFileAtomic } from '../core/files.ts';
import { randomToken } from '../core/ids.ts';
import type { Lifecycle } from '../core/lifecycle.ts';
import { mintServerCertificate } from '../crypto/index.ts';
import { createHttpServer, type Reply, type ServerRequest, type ServerTls } from '../net/index.ts';
import { createAdminPorts } from './admin-ports.ts';
import type { ControlParts } from './control-parts.ts';
import type { StateLayout } from './state.ts';
import { createVerifier, type PeerVerifier } from './svid-verifier.ts';

const maxBodyBytes = 1024 * 1024;
const renewalMs = 86_400_000;

type Answer = (request: ServerRequest, reply: Reply) => Promise<void>;

/** Control's one TCP port, on loopback and over TLS: `/admin/` for operators, `/v1/` for secrets. */
export async function startAdminListener(parts: ControlParts, lifecycle: Lifecycle): Promise<void> {
  const { options, publisher } = parts;
  const { layout, clock, log } = options;
  const port = publisher.current().ports('control');
  const verifier = createVerifier(clock, options.weaknesses);
  const [answerAdmin, answerSecrets] = [createAdminAnswer(parts, port), createSecretsAnswer(parts, verifier)];
  const server = createHttpServer({
    clock,
    log,
    tls: listenerTls(parts, verifier),
    onRequest: (request, reply) => (request.path.startsWith('/v1/') ? answerSecrets : answerAdmin)(request, reply),
  });
  await server.listen({ host: '127.0.0.1', port });
  const renew = (): void => server.setTls(listenerTls(parts, verifier));
  publisher.onChange(renew);
  const timer = clock.every(renewalMs, renew);
  lifecycle.add({
    stop: async () => {
      timer.cancel();
      await server.drain(1000);
      await server.stop();
    },
  });
  const address: AdminAddress = { url: `https://127.0.0.1:${port}` };
  writeFileAtomic(join(layout.run, 'admin.json'), JSON.stringify(address));
}

/** A fresh certificate each time, and the trust bundle in force. */
function listenerTls({ options, foundation, publisher }: ControlParts, verifier: PeerVerifier): ServerTls {
  const { trustDomain, bundle } = publisher.current().gateway;
  verifier.trust(trustDomain, bundle);
  const own = mintServerCertificate(foundation.developmentCa, {
    hosts: ['localhost', '127.0.0.1'],
    nowMs: options.clock.now(),
  });
  return {
    certificate: own.certificatePem,
    key: own.privateKeyPem,
    clientCertificate: 'optional',
    ca: bundle,
    verifyPeer: (chain) => ('code' in verifier.verify(chain) ? new Error('the SVID does not verify') : undefined),
  };
}

async function bodyOf({ body }: ServerRequest): Promise<Buffer | undefined> {
  return body.present ? body.buffer(maxBodyBytes) : undefined;
}

function createAdminAnswer(parts: ControlParts, port: number): Answer {
  const { clock, log, layout, weaknesses } = parts.options;
  const guard = createGuard(adminToken(layout), port, weaknesses);
  const handle = createAdminHandler({ ports: createAdminPorts(parts), clock, log, guard });
  return async (request, reply) => {
    const { method, path, query = '', host, port: asked, remoteAddress, headers } = request;
    const facts = { method, path, query, host, port: asked, remoteAddress };
    const answer = await handle({ ...facts, header: (name) => headers.get(name), body: () => bodyOf(request) });
    reply.send(answer.status, answer.headers, answer.body);
  };
}

function createSecretsAnswer({ foundation }: ControlParts, verifier: PeerVerifier): Answer {
  return async (request, reply) => {
    const chain = request.peerCertificate?.chain;
    const peer = chain === undefined ? undefined : verifier.verify(chain);
    const answer = await foundation.secrets.handle({
      method: request.method,
      path: request.path,
      query: new URLSearchParams(request.query ?? ''),
      headers: Object.fromEntries(request.headers),
      body: (await bodyOf(request)) ?? Buffer.alloc(0),
      ...(peer !== undefined && 'spiffeId' in peer ? { peerSpiffeId: peer.spiffeId } : {}),
    });
    reply.send(answer.status, answer.headers, answer.body);
  };
}

/** Whoever can read the state folder operates the platform; made once. */
function adminToken(layout: StateLayout): string {
  const kept = tryReadPrivateText(layout.adminToken);
  if (kept !== undefined) return kept.trim();
  const token = randomToken();
  writeFileAtomic(layout.adminToken, token);
  return token;
}
