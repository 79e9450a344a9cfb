import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** A DNS server on loopback, over UDP and TCP, that answers each A question with the addresses at hand, and each other one with nothing. */
export interface TestDns {
  readonly port: number;
  /** Addresses by name; a name that is not there does not exist. */
  readonly addresses: Map<string, readonly string[]>;
  stop(): void;
}

const typeA = 1;

/** Starts it. `ttl`: seconds. */
export async function startTestDns(ttl = 1): Promise<TestDns> {
  const addresses = new Map<string, readonly string[]>();
  // RFC 1035, section 4.2.2: a length of two bytes stands before each message. A query comes in one piece.
  const server = createServer((connection) => {
    connection.on('error', () => undefined);
    connection.on('data', (chunk) => {
      const reply = answer(chunk.subarray(2), addresses, ttl);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(reply.length);
      connection.write(Buffer.concat([length, reply]));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => socket.send(answer(query, addresses, ttl), from.port, from.address));
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  const stop = (): void => {
    socket.close();
    server.close();
  };
  return { port, addresses, stop };
}

/** RFC 1035, section 4: the header and question of the query again, then one record for each address. */
function answer(query: Buffer, addresses: ReadonlyMap<string, readonly string[]>, ttl: number): Buffer {
  let at = 12;
  const labels: string[] = [];
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const end = at + 5;
  const known = addresses.get(labels.join('.').toLowerCase());
  const found = query.readUInt16BE(at + 1) === typeA ? (known ?? []) : [];
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(known === undefined ? 0x8183 : 0x8180, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(found.length, 6);
  header.writeUInt32BE(0, 8);
  const records = found.map((address) => {
    const record = Buffer.alloc(16);
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(typeA, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(ttl, 6);
    record.writeUInt16BE(4, 10);
    Buffer.from(address.split('.').map(Number)).copy(record, 12);
    return record;
  });
  return Buffer.concat([header, query.subarray(12, end), ...records]);
}
