// A gateway that speaks HTTP/2 in front and writes what it reads as HTTP/1.1 behind, unchecked: what makes smuggling by
// downgrade possible. It counts nothing, either.
import { createServer, type Server, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { systemClock } from '../../src/core/clock.ts';
import { mintDevelopmentCa, mintServerCertificate } from '../../src/crypto/index.ts';
import type { EdgeTarget } from '../../src/prove/index.ts';
import { frame, type Http2Field } from '../../src/prove/wire/http2.ts';
import { parseResponses } from '../../src/prove/wire/response.ts';
import type { Front } from './lenient-front.ts';

/** Starts one in front of a gateway. Connections in HTTP/1.1 are handed through as they are. */
export async function startNaiveHttp2Front(behind: EdgeTarget): Promise<Front> {
  const nowMs = systemClock.now();
  const ca = mintDevelopmentCa(nowMs);
  const own = mintServerCertificate(ca, { hosts: ['localhost', '127.0.0.1'], nowMs });
  const sockets = new Set<TLSSocket>();
  const server: Server = createServer(
    { cert: own.certificatePem, key: own.privateKeyPem, ALPNProtocols: ['h2', 'http/1.1'] },
    (socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
      if (socket.alpnProtocol === 'h2') serveFrames(socket, behind);
      else handThrough(socket, behind);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    edge: { host: '127.0.0.1', port, tls: { ca: ca.certificatePem }, authority: behind.authority },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function connectTo({ host, port, tls }: EdgeTarget): TLSSocket {
  const { certificate: cert, key } = tls?.client ?? {};
  const socket = tlsConnect({
    host,
    port,
    ca: tls?.ca,
    cert,
    key,
    servername: 'localhost',
    ALPNProtocols: ['http/1.1'],
  });
  return socket.on('error', () => undefined);
}

function handThrough(socket: TLSSocket, behind: EdgeTarget): void {
  const upstream = connectTo(behind);
  socket.pipe(upstream).pipe(socket);
  socket.on('close', () => upstream.destroy());
}

function serveFrames(socket: TLSSocket, behind: EdgeTarget): void {
  let rest: Buffer = Buffer.alloc(0);
  let fields: Http2Field[] = [];
  socket.write(frame('settings', 0, 0, Buffer.alloc(0)));
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    if (rest.subarray(0, 3).toString() === 'PRI') rest = rest.subarray(24);
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const [type, flags, stream] = [rest.readUInt8(3), rest.readUInt8(4), rest.readUInt32BE(5)];
      const payload = rest.subarray(9, 9 + rest.readUIntBE(0, 3));
      rest = rest.subarray(9 + payload.length);
      if (type === 1) fields = decodeLiterals(payload);
      // Only the first stream is answered: the others are there to be reset.
      if ((type === 0 || type === 1) && (flags & 1) !== 0 && (flags & 4) === (type === 1 ? 4 : 0) && stream === 1)
        passOn(behind, fields, type === 0 ? payload : Buffer.alloc(0), socket);
    }
  });
}

/** Literals without an index, as probes write them. */
function decodeLiterals(block: Buffer): Http2Field[] {
  const fields: Http2Field[] = [];
  let at = 0;
  const text = (): string => {
    let length = block.readUInt8(at++);
    if (length === 127)
      for (let shift = 0, byte = 0x80; (byte & 0x80) !== 0; shift += 7) {
        byte = block.readUInt8(at++);
        length += (byte & 0x7f) << shift;
      }
    return block.toString('latin1', at, (at += length));
  };
  while (at < block.length) {
    at++;
    fields.push([text(), text()]);
  }
  return fields;
}

function passOn(behind: EdgeTarget, fields: readonly Http2Field[], data: Buffer, socket: TLSSocket): void {
  const value = (name: string): string => fields.findLast(([each]) => each === name)?.[1] ?? '';
  const ordinary = fields.filter(([name]) => !name.startsWith(':') && name !== 'host');
  const isFramed = ordinary.some(([name]) => /^(?:content-length|transfer-encoding)$/i.test(name));
  // Lenient in what it sends on, too: what the strict gateway would refuse as a whole is cut down to what smuggles.
  const kept = ordinary.filter(([name, text], at) => name !== 'content-length' || (text === '0' && at >= 0));
  const head = [
    `${value(':method')} ${value(':path')} HTTP/1.1`,
    `host: ${value(':authority')}`,
    ...kept.map(([name, text]) => `${name}: ${text}`.replaceAll('\0', '')),
    ...(isFramed || data.length === 0 ? [] : [`content-length: ${data.length}`]),
  ];
  const upstream = connectTo(behind);
  const chunks: Buffer[] = [];
  upstream.write(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), data]));
  upstream.on('data', (chunk: Buffer) => chunks.push(chunk));
  upstream.setTimeout(300, () => upstream.destroy());
  upstream.on('close', () => {
    const [response] = parseResponses(Buffer.concat(chunks), true);
    // A literal under the indexed name `:status` (RFC 7541, section 6.2.2).
    socket.write(frame('headers', 4, 1, Buffer.from(`\x08\x03${response?.status ?? 502}`, 'latin1')));
    socket.write(frame('data', 1, 1, Buffer.from(response?.body ?? '')));
  });
}
