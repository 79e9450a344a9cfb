// Merlon's engine as a plain proxy: listener, parser, upstream, and nothing between them.
import { readFileSync } from 'node:fs';
import { systemClock } from '../../../src/core/clock.ts';
import { createHttpServer, createUpstream } from '../../../src/net/index.ts';
import { publicAcceptors } from '../../../src/server/public-port.ts';
import { listenerLimits, parseWords, upstreamLimits } from './words.ts';

const { port, upstream, certificate, key } = parseWords();

const service = createUpstream({
  name: 'upstream',
  clock: systemClock,
  endpoints: [{ host: '127.0.0.1', port: upstream }],
  limits: upstreamLimits,
});
const server = createHttpServer({
  clock: systemClock,
  limits: listenerLimits,
  ...(certificate === undefined || key === undefined
    ? {}
    : { tls: { certificate: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8'), http2: true } }),
  onRequest: (request, reply) => service.forward(request, reply),
});
await server.listen({ host: '127.0.0.1', port, acceptors: publicAcceptors });
process.once('SIGTERM', () => process.exit(0));
