import { isIP } from 'node:net';

/** A network in CIDR notation, or one address. */
export interface Network {
  readonly address: string;
  readonly prefix: number;
  readonly family: 4 | 6;
  readonly text: string;
}

/** Reads a network or address; undefined where it is none, or where bits are set beyond its prefix: it would say two things at once. */
export function tryParseNetwork(text: string): Network | undefined {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0 || address.includes('%')) return undefined;
  const bits = family === 4 ? 32 : 128;
  if (prefix === undefined) return { address, prefix: bits, family: family as 4 | 6, text };
  if (!/^(0|[1-9]\d{0,2})$/.test(prefix) || Number(prefix) > bits) return undefined;
  const hostBits = BigInt(bits - Number(prefix));
  const value = family === 4 ? numberOf(address.split('.').map(Number), 8n) : numberOf(groupsOf(address), 16n);
  if ((value & ((1n << hostBits) - 1n)) !== 0n) return undefined;
  return { address, prefix: Number(prefix), family: family as 4 | 6, text };
}

function numberOf(parts: readonly number[], width: bigint): bigint {
  return parts.reduce((sum, part) => (sum << width) | BigInt(part), 0n);
}

/** The eight groups of an IPv6 address that `isIP` has accepted. */
function groupsOf(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const [before, after] = [sixteens(head), sixteens(tail ?? '')];
  const gap = tail === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...new Array<number>(Math.max(0, gap)).fill(0), ...after];
}

function sixteens(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}
