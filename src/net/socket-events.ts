import type { Socket } from 'node:net';

/** Who owns a socket and hears of it. */
export interface SocketOwner {
  /** It can take more. */
  drained(): void;
  /** The far end has ended its side. */
  ended(): void;
  /** It is gone. */
  closed(): void;
}

// Thousands of connections rest: the owner is found through the socket, without a closure for each event.
const ownerOf = Symbol('owner');
type OwnedSocket = Socket & { [ownerOf]: SocketOwner };

/** Tells `owner` what befalls the socket. */
export function own(socket: Socket, owner: SocketOwner): void {
  (socket as OwnedSocket)[ownerOf] = owner;
  socket.on('end', onEnd).on('drain', onDrain).on('close', onClose);
}

/** The owner gives the socket away: it hears of its end alone. */
export function disown(socket: Socket): void {
  socket.off('end', onEnd).off('drain', onDrain);
}

function onEnd(this: Socket): void {
  (this as OwnedSocket)[ownerOf].ended();
}

function onDrain(this: Socket): void {
  (this as OwnedSocket)[ownerOf].drained();
}

function onClose(this: Socket): void {
  (this as OwnedSocket)[ownerOf].closed();
}
