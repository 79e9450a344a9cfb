// The gateway under attack: its own code with the bounds that a manifest has by default; but for the connections of one address, of which the attack
// comes: that bound would do the work of all others.
import { readFileSync } from 'node:fs';
import { publicAcceptors } from '../../src/server/public-port.ts';
import { startEdge } from '../../test/fakes/edge.ts';

const [service, ports, certificate = '', key = ''] = process.argv.slice(2);
await startEdge(
  Number(service),
  { certificate: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') },
  {
    ports: (ports ?? '').split(',').map(Number),
    acceptors: publicAcceptors,
    limits: { headerBytes: 32_768, connectionsPerIp: 3000, requestsPerConnection: 1e9 },
  },
);
process.once('SIGTERM', () => process.exit(0));
