// The floor: sockets read and written as the engine does it, and nothing in between. It takes each read for one whole message, which holds for
// this bench's small ones alone.
import { connect, createServer, type Socket } from 'node:net';
import { Intake, takeIn } from '../../../src/net/intake.ts';
import { parseWords } from './words.ts';

interface Far {
  readonly socket: Socket;
  client: Socket;
}

const { port, upstream } = parseWords();
const idle: Far[] = [];

function send(text: string, client: Socket): void {
  const far = idle.pop() ?? dial(client);
  far.client = client;
  far.socket.write(text, 'latin1');
}

function dial(client: Socket): Far {
  const intake = new Intake();
  const socket = connect({ host: '127.0.0.1', port: upstream, noDelay: true, onread: intake.onread });
  intake.attach(socket);
  const far: Far = { socket, client };
  intake.take = (bytes) => {
    idle.push(far);
    far.client.write(bytes.toString('latin1'), 'latin1');
  };
  socket.on('error', () => undefined);
  return far;
}

createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => undefined);
  const take = (bytes: Buffer): void => send(bytes.toString('latin1'), socket);
  const intake = takeIn(socket);
  if (intake === undefined) socket.on('data', take);
  else intake.take = take;
}).listen(port, '127.0.0.1');
process.once('SIGTERM', () => process.exit(0));
