import { NetError } from './errors.ts';
import { plainAddress, tryParseIpv4, tryParseIpv6 } from './ip-address.ts';

/** A compiled list of networks. */
export interface CidrSet {
  /** How many distinct networks there are. */
  readonly size: number;
  /** The narrowest network that holds `address`, as it was written; undefined where none does or it is no address. */
  match(address: string): string | undefined;
  has(address: string): boolean;
}

interface Network {
  /** First and last address, four words each; IPv4 lives in the mapped block. */
  readonly first: Uint32Array;
  readonly last: Uint32Array;
  readonly bits: number;
  readonly text: string;
}

/**
 * Compiles addresses and CIDR blocks (IPv4 and IPv6 mixed). Networks nest or are disjoint, so they are flattened into
 * disjoint ranges, each belonging to its narrowest network, and a lookup is one binary search. Throws `net.bad-cidr`, also for
 * a block whose host bits are set (`10.0.0.1/8`): it says two things at once.
 */
export function compileCidrs(list: readonly string[]): CidrSet {
  const networks = new Map<string, Network>();
  for (const text of list) {
    const network = parseCidr(text);
    networks.set(`${network.first.join()}/${network.bits}`, network);
  }
  const { starts, owners } = flatten([...networks.values()].sort(byStart));
  const match = (address: string): string | undefined => {
    if (starts.length === 0 || !parseAddress(plainAddress(address), wanted)) return undefined;
    return owners[lastAtMost(starts, wanted)];
  };
  return { size: networks.size, match, has: (address) => match(address) !== undefined };
}

const wanted = new Uint32Array(4);
const mappedWord = 0xffff;

/** Parses either family into `words`. */
function parseAddress(text: string, words: Uint32Array): boolean {
  if (text.includes(':')) return tryParseIpv6(text, words);
  const v4 = tryParseIpv4(text);
  if (v4 < 0) return false;
  words[0] = 0;
  words[1] = 0;
  words[2] = mappedWord;
  words[3] = v4;
  return true;
}

const prefix = /^(0|[1-9]\d{0,2})$/;

function parseCidr(text: string): Network {
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const first = new Uint32Array(4);
  const length = slash < 0 ? '' : text.slice(slash + 1);
  const most = address.includes(':') ? 128 : 32;
  const given = slash < 0 ? most : prefix.test(length) ? Number(length) : -1;
  if (!parseAddress(address, first) || given < 0 || given > most) {
    throw new NetError('net.bad-cidr', 500, `\`${text}\` is not an address or a CIDR block`);
  }
  const bits = given + 128 - most;
  const last = first.slice();
  for (let word = 0; word < 4; word++) {
    const hostBits = Math.min(32, Math.max(0, (word + 1) * 32 - bits));
    const mask = hostBits === 32 ? 0xffffffff : 2 ** hostBits - 1;
    if (((first[word] as number) & mask) !== 0) {
      throw new NetError('net.bad-cidr', 500, `\`${text}\` has bits set beyond its prefix`);
    }
    last[word] = (first[word] as number) + mask;
  }
  return { first, last, bits, text };
}

function compare(a: Uint32Array, b: Uint32Array, atB = 0): number {
  for (let word = 0; word < 4; word++) {
    const difference = (a[word] as number) - (b[atB + word] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

const byStart = (a: Network, b: Network): number => compare(a.first, b.first) || a.bits - b.bits;

/** The address after `address`, or undefined after the last one there is. */
function after(address: Uint32Array): Uint32Array | undefined {
  const next = address.slice();
  for (let word = 3; word >= 0; word--) {
    next[word] = (next[word] as number) + 1;
    if (next[word] !== 0) return next;
  }
  return undefined;
}

interface Ranges {
  /** Start of each range, four words each; a range ends where the next begins. */
  readonly starts: Uint32Array;
  /** The network of each range, or undefined for a hole. */
  readonly owners: (string | undefined)[];
}

function flatten(sorted: readonly Network[]): Ranges {
  const starts: number[] = [];
  const owners: (string | undefined)[] = [];
  const begin = (start: Uint32Array, owner: string | undefined): void => {
    const same = owners.length > 0 && compare(start, Uint32Array.from(starts.slice(-4))) === 0;
    if (same) owners[owners.length - 1] = owner;
    else {
      starts.push(...start);
      owners.push(owner);
    }
  };
  const open: Network[] = [];
  const close = (until: Uint32Array | undefined): void => {
    for (
      let top = open.at(-1);
      top !== undefined && (until === undefined || compare(top.last, until) < 0);
      top = open.at(-1)
    ) {
      open.pop();
      const next = after(top.last);
      if (next !== undefined) begin(next, open.at(-1)?.text);
    }
  };
  for (const network of sorted) {
    close(network.first);
    begin(network.first, network.text);
    open.push(network);
  }
  close(undefined);
  return { starts: Uint32Array.from(starts), owners };
}

/** Index of the last range that begins at or before `address`, or -1. */
function lastAtMost(starts: Uint32Array, address: Uint32Array): number {
  let low = 0;
  let high = starts.length >> 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compare(address, starts, middle << 2) >= 0) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
