// The floor: sockets read and written as the engine does it, and nothing in between. It takes each read for one whole message, which holds for
// this bench's small ones alone.
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Intake, takeIn } from '../../../src/net/intake.ts';
import { parseWords } from './words.ts';

interface Far {
  readonly socket: Socket;
  client: Socket;
  /** The client said HTTP/1.0: its connection ends with the answer. */
  isLast: boolean;
}

const { port, upstream, certificate, key } = parseWords();
const idle: Far[] = [];

function send(text: string, client: Socket): void {
  const far = idle.pop() ?? dial(client);
  far.client = client;
  far.isLast = text.includes(' HTTP/1.0\r\n');
  far.socket.write(far.isLast ? text.replace(' HTTP/1.0\r\n', ' HTTP/1.1\r\n') : text, 'latin1');
}

function dial(client: Socket): Far {
  const intake = new Intake();
  const socket = connect({ host: '127.0.0.1', port: upstream, noDelay: true, onread: intake.onread });
  intake.attach(socket);
  const far: Far = { socket, client, isLast: false };
  intake.take = (bytes) => {
    idle.push(far);
    far.client.write(bytes.toString('latin1'), 'latin1');
    if (far.isLast) far.client.end();
  };
  socket.on('error', () => undefined);
  return far;
}

function serve(socket: Socket): void {
  socket.on('error', () => undefined);
  const take = (bytes: Buffer): void => send(bytes.toString('latin1'), socket);
  const intake = takeIn(socket);
  if (intake === undefined) socket.on('data', take);
  else intake.take = take;
}

const options = { noDelay: true };
const server =
  certificate === undefined || key === undefined
    ? createServer(options, serve)
    : createTlsServer({ ...options, cert: readFileSync(certificate), key: readFileSync(key) }, serve);
server.listen(port, '127.0.0.1');
process.once('SIGTERM', () => process.exit(0));
