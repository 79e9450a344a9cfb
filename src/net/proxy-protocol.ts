import type { Socket } from 'node:net';
import type { Clock } from '../core/clock.ts';
import { NetError } from './errors.ts';
import { isAddress, plainAddress, tryParseIpv4 } from './ip-address.ts';

/** The far end of a connection, as a proxy in front tells it. */
export interface ProxySource {
  readonly address: string;
  readonly port: number;
}

/** A header that is complete: its length, and the source it tells; none where the proxy speaks for itself or does not know. */
export interface ProxyHeader {
  readonly bytes: number;
  readonly source: ProxySource | undefined;
}

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const longestV1 = 107;
const longestV2 = 2048;
const fixedV2 = 16;

/**
 * Reads a header of the PROXY protocol, version 1 or 2, at the beginning of `bytes`. Undefined: more bytes are needed. Throws
 * `net.bad-proxy-header`. Source: HAProxy, "The PROXY protocol", sections 2.1 and 2.2.
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader | undefined {
  const start = bytes.subarray(0, signature.length);
  if (start.equals(signature.subarray(0, start.length))) return readV2(bytes);
  const text = bytes.toString('latin1', 0, longestV1);
  if (!'PROXY '.startsWith(text.slice(0, 6))) throw bad('is missing');
  const end = text.indexOf('\r\n');
  if (end >= 0) return { bytes: end + 2, source: readV1(text.slice(6, end)) };
  if (text.length >= longestV1) throw bad('does not end');
  return undefined;
}

const port = /^(0|[1-9]\d{0,4})$/;

function readV1(line: string): ProxySource | undefined {
  if (line === 'UNKNOWN' || line.startsWith('UNKNOWN ')) return undefined;
  const [family = '', address = '', target = '', from = '', to = '', ...rest] = line.split(' ');
  const isFamily = family === 'TCP4' ? isV4 : family === 'TCP6' ? isV6 : undefined;
  if (isFamily === undefined || rest.length > 0) throw bad('is malformed');
  if (!isFamily(address) || !isFamily(target) || !isPort(from) || !isPort(to)) throw bad('is malformed');
  return { address: plainAddress(address), port: Number(from) };
}

const isV4 = (text: string): boolean => tryParseIpv4(text) >= 0;
const isV6 = (text: string): boolean => text.includes(':') && isAddress(text);
const isPort = (text: string): boolean => port.test(text) && Number(text) <= 65_535;

const localCommand = 0x20;
const proxyCommand = 0x21;
const tcp4 = 0x11;
const tcp6 = 0x21;

function readV2(bytes: Buffer): ProxyHeader | undefined {
  if (bytes.length < fixedV2) return undefined;
  const command = bytes.readUInt8(12);
  const family = bytes.readUInt8(13);
  const length = bytes.readUInt16BE(14);
  if (command !== localCommand && command !== proxyCommand) throw bad('has an unknown version or command');
  if (length > longestV2) throw bad('is too long');
  if (bytes.length < fixedV2 + length) return undefined;
  const addresses = bytes.subarray(fixedV2, fixedV2 + length);
  return { bytes: fixedV2 + length, source: command === localCommand ? undefined : readAddresses(family, addresses) };
}

function readAddresses(family: number, addresses: Buffer): ProxySource | undefined {
  if (family !== tcp4 && family !== tcp6) return undefined;
  const size = family === tcp4 ? 4 : 16;
  if (addresses.length < size * 2 + 4) throw bad('is too short for its family');
  const raw = addresses.subarray(0, size);
  const address = size === 4 ? raw.join('.') : formatIpv6(raw);
  return { address: plainAddress(address), port: addresses.readUInt16BE(size * 2) };
}

function formatIpv6(raw: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => raw.readUInt16BE(index * 2).toString(16));
  const isMapped = raw.subarray(0, 10).every((byte) => byte === 0) && raw.readUInt16BE(10) === 0xffff;
  // The URL parser knows the canonical form (RFC 5952).
  return isMapped ? raw.subarray(12).join('.') : new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

/** Takes the header off a new connection. `done` is called once: with the header's source, or with why there is none. What follows the header stays in the socket. */
export function takeProxyHeader(
  socket: Socket,
  { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number },
  done: (source: ProxySource | undefined, error: NetError | undefined) => void,
): void {
  let bytes: Buffer = Buffer.alloc(0);
  const finish = (source: ProxySource | undefined, error: NetError | undefined): void => {
    timer.cancel();
    socket.off('readable', onReadable);
    socket.off('close', onClose);
    done(source, error);
  };
  const onClose = (): void => finish(undefined, bad('is missing'));
  const onReadable = (): void => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    bytes = Buffer.concat([bytes, chunk]);
    try {
      const header = readProxyHeader(bytes);
      if (header === undefined) return;
      if (header.bytes < bytes.length) socket.unshift(bytes.subarray(header.bytes));
      finish(header.source, undefined);
    } catch (error) {
      finish(undefined, error as NetError);
    }
  };
  const timer = clock.after(timeoutMs, () => finish(undefined, bad('comes too slowly')));
  socket.on('readable', onReadable);
  socket.on('close', onClose);
}

function bad(why: string): NetError {
  return new NetError('net.bad-proxy-header', 400, `the PROXY header ${why}`);
}
