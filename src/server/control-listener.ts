import { join } from 'node:path';
import type { AdminAddress } from '../api/admin.ts';
import { type AdminPorts, createAdminHandler, createGuard } from '../control/index.ts';
import { tryReadPrivateText, writeFileAtomic } from '../core/files.ts';
import { randomToken } from '../core/ids.ts';
import type { Lifecycle } from '../core/lifecycle.ts';
import { mintServerCertificate } from '../crypto/index.ts';
import { createHttpServer, type Reply, type ServerRequest } from '../net/index.ts';
import { createAdminPorts } from './admin-ports.ts';
import type { ControlParts } from './control-parts.ts';
import type { StateLayout } from './state.ts';
import { createVerifier } from './svid-verifier.ts';

const maxBodyBytes = 1024 * 1024;

/** Control's one TCP port, on loopback and over TLS: `/admin/` for operators, `/v1/` for secrets. */
export async function startAdminListener(parts: ControlParts, lifecycle: Lifecycle): Promise<void> {
  const { options, foundation, manifest } = parts;
  const { layout, clock, log, weaknesses } = options;
  const port = parts.configuration().ports('control');
  const ports: AdminPorts = createAdminPorts(parts);
  const admin = createAdminHandler({ ports, clock, log, guard: createGuard(adminToken(layout), port, weaknesses) });
  const verifier = createVerifier(clock, weaknesses);
  const { pem } = await foundation.authority.bundle();
  verifier.trust(manifest.trustDomain, pem);
  const own = mintServerCertificate(foundation.developmentCa, {
    hosts: ['localhost', '127.0.0.1'],
    nowMs: clock.now(),
  });

  const onRequest = async (request: ServerRequest, reply: Reply): Promise<void> => {
    const body = (): Promise<Buffer | undefined> =>
      request.body.present ? request.body.buffer(maxBodyBytes) : Promise.resolve(undefined);
    if (request.path.startsWith('/v1/')) {
      const chain = request.peerCertificate?.chain;
      const peer = chain === undefined ? undefined : verifier.verify(chain);
      const answer = await foundation.secrets.handle({
        method: request.method,
        path: request.path,
        query: new URLSearchParams(request.query ?? ''),
        headers: Object.fromEntries(request.headers),
        body: (await body()) ?? Buffer.alloc(0),
        ...(peer !== undefined && 'spiffeId' in peer ? { peerSpiffeId: peer.spiffeId } : {}),
      });
      return reply.send(answer.status, answer.headers, answer.body);
    }
    const {
      status,
      headers,
      body: text,
    } = await admin({
      method: request.method,
      path: request.path,
      query: request.query ?? '',
      host: request.host,
      port: request.port,
      remoteAddress: request.remoteAddress,
      header: (name) => request.headers.get(name),
      body,
    });
    reply.send(status, headers, text);
  };
  const server = createHttpServer({
    clock,
    log,
    tls: {
      certificate: own.certificatePem,
      key: own.privateKeyPem,
      clientCertificate: 'optional',
      ca: pem,
      verifyPeer: (chain) => ('code' in verifier.verify(chain) ? new Error('the SVID does not verify') : undefined),
    },
    onRequest,
  });
  await server.listen({ host: '127.0.0.1', port });
  lifecycle.add({
    stop: async () => {
      await server.drain(1000);
      await server.stop();
    },
  });
  writeFileAtomic(
    join(layout.run, 'admin.json'),
    JSON.stringify({ url: `https://127.0.0.1:${port}` } satisfies AdminAddress),
  );
}

/** Whoever can read the state folder operates the platform; made once. */
function adminToken(layout: StateLayout): string {
  const kept = tryReadPrivateText(layout.adminToken);
  if (kept !== undefined) return kept.trim();
  const token = randomToken();
  writeFileAtomic(layout.adminToken, token);
  return token;
}
