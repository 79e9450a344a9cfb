// The gateway under attack: its own code with the bounds that a manifest has by default.
import { readFileSync } from 'node:fs';
import { startEdge } from '../../test/fakes/edge.ts';

const [service, ports, certificate = '', key = ''] = process.argv.slice(2);
await startEdge(
  Number(service),
  { certificate: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') },
  {
    ports: (ports ?? '').split(',').map(Number),
    limits: { headerBytes: 32_768, connectionsPerIp: 1000, requestsPerConnection: 1e9 },
  },
);
process.once('SIGTERM', () => process.exit(0));
