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
  readonly first: readonly number[];
  readonly last: readonly number[];
  readonly bits: number;
  readonly text: string;
}

/**
 * Compiles addresses and CIDR blocks (IPv4 and IPv6 mixed). Networks nest or are disjoint, so they are flattened into
 * disjoint ranges, each belonging to its narrowest network, and a lookup is one binary search. Throws `net.bad-cidr`, also for
 * a block whose host bits are set (`10.0.0.1/8`): it says two things at once.
 */
export function compileCidrs(list: readonly string[]): CidrSet {
  const sorted = list.map(parseCidr).sort(byStart);
  // Of one network that is written twice, the last stands.
  const networks = sorted.filter((network, at) => !isSame(network, sorted[at + 1]));
  const { starts, owners } = flatten(networks);
  const v4 = ipv4Part(starts);
  const match = (address: string): string | undefined => {
    if (starts.length === 0) return undefined;
    const plain = plainAddress(address);
    if (plain.includes(':')) return tryParseIpv6(plain, wanted) ? owners[lastAtMost(starts, wanted)] : undefined;
    const number = tryParseIpv4(plain);
    return number < 0 ? undefined : owners[v4.from + v4.lastAtMost(number)];
  };
  return { size: networks.length, match, has: (address) => match(address) !== undefined };
}

interface Ipv4Part {
  /** Index of the first range that begins within the mapped block. */
  readonly from: number;
  /** How many of them begin at or before `word`, less one. */
  lastAtMost(word: number): number;
}

/** The ranges within the mapped block, by their last word: nearly every lookup is for IPv4. */
function ipv4Part(all: Uint32Array): Ipv4Part {
  const from = lastAtMost(all, Uint32Array.of(0, 0, mappedWord - 1, 0xffffffff)) + 1;
  const end = lastAtMost(all, Uint32Array.of(0, 0, mappedWord, 0xffffffff)) + 1;
  const starts = Uint32Array.from({ length: end - from }, (_, at) => all[(from + at) * 4 + 3] as number);
  const firsts = firstsByHalf(starts);
  return {
    from,
    lastAtMost: (word) => {
      const half = word >>> 16;
      let low = firsts[half] as number;
      let high = firsts[half + 1] as number;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (word >= (starts[middle] as number)) low = middle + 1;
        else high = middle;
      }
      return low - 1;
    },
  };
}

/** For each first half of an address, where the starts begin that are not below it: what is left to search is short. */
function firstsByHalf(starts: Uint32Array): Uint32Array {
  const firsts = new Uint32Array(65_537);
  let at = 0;
  for (let half = 0; half < firsts.length; half++) {
    while (at < starts.length && (starts[at] as number) < half * 65_536) at++;
    firsts[half] = at;
  }
  return firsts;
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
  const length = slash < 0 ? '' : text.slice(slash + 1);
  const most = address.includes(':') ? 128 : 32;
  const given = slash < 0 ? most : prefix.test(length) ? Number(length) : -1;
  if (!parseAddress(address, wanted) || given < 0 || given > most) {
    throw new NetError('net.bad-cidr', 500, `\`${text}\` is not an address or a CIDR block`);
  }
  const bits = given + 128 - most;
  // Plain arrays: a hundred thousand typed ones take longer to make than all the rest.
  const first = [...wanted];
  const last = [...wanted];
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

function compare(a: ArrayLike<number>, b: ArrayLike<number>, atB = 0): number {
  for (let word = 0; word < 4; word++) {
    const difference = (a[word] as number) - (b[atB + word] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

const byStart = (a: Network, b: Network): number => compare(a.first, b.first) || a.bits - b.bits;

function isSame(a: Network, b: Network | undefined): boolean {
  return b !== undefined && a.bits === b.bits && compare(a.first, b.first) === 0;
}

/** The address after `address`, or undefined after the last one there is. */
function after(address: readonly number[]): readonly number[] | undefined {
  const next = [...address];
  for (let word = 3; word >= 0; word--) {
    if (next[word] !== 0xffffffff) {
      next[word] = (next[word] as number) + 1;
      return next;
    }
    next[word] = 0;
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
  const begin = (start: readonly number[], owner: string | undefined): void => {
    if (owners.length > 0 && beginsAt(starts, start)) owners[owners.length - 1] = owner;
    else {
      for (let word = 0; word < 4; word++) starts.push(start[word] as number);
      owners.push(owner);
    }
  };
  const open: Network[] = [];
  const close = (until: readonly number[] | undefined): void => {
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

/** Whether the last range begins at `address`. */
function beginsAt(starts: readonly number[], address: readonly number[]): boolean {
  const at = starts.length - 4;
  for (let word = 0; word < 4; word++) if (starts[at + word] !== address[word]) return false;
  return true;
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
