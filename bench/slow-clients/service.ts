// The service behind the gateway: a short answer, and a long one for whoever reads slowly.
import { systemClock } from '../../src/core/clock.ts';
import { createHttpServer } from '../../src/net/index.ts';

const short = '{"id":7,"name":"a cup"}';
// Beside a window as small as the attack's, the kernel takes 2.5 bytes for each that waits to be sent: 2,000 times a quarter of a MiB would be more than
// `tcp_mem` lets the whole machine have, and then every connection on it stands still, whoever serves.
const long = Buffer.alloc(1 << 16, 'x');

const server = createHttpServer({
  clock: systemClock,
  limits: { connections: 10_000, connectionsPerIp: 10_000, requestsPerConnection: 1e9 },
  onRequest: async (request, reply) => {
    await request.body.buffer(1 << 20).catch(() => undefined);
    reply.send(200, { 'content-type': 'application/json' }, request.path === '/long' ? long : short);
  },
});
await server.listen({ host: '127.0.0.1', port: Number(process.argv[2]) });
process.once('SIGTERM', () => process.exit(0));
