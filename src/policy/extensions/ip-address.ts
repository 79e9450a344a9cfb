import { fail } from '../evaluation-error.ts';
import type { Extension } from '../values.ts';

const group = /^[0-9A-Fa-f]{1,4}$/;
const prefixLength = /^(?:0|[1-9]\d{0,2})$/;
const dot = 0x2e;
const zero = 0x30;

/** An IP address or a CIDR range, either family. */
export class IpAddress implements Extension {
  readonly extension = 'ipaddr';
  readonly version: 4 | 6;
  /** 32 bits each, highest first: one of IPv4, four of IPv6. */
  readonly words: readonly number[];
  readonly prefix: number;

  constructor(version: 4 | 6, words: readonly number[], prefix: number) {
    this.version = version;
    this.words = words;
    this.prefix = prefix;
  }

  /** Whether it is one address, not a range. */
  get single(): boolean {
    return this.prefix === this.words.length * 32;
  }

  equals(other: Extension): boolean {
    if (!(other instanceof IpAddress) || other.version !== this.version || other.prefix !== this.prefix) return false;
    return this.words.every((word, at) => word === other.words[at]);
  }

  /** Whether every address of this range lies in `range`. */
  isInRange(range: IpAddress): boolean {
    if (this.version !== range.version || this.prefix < range.prefix) return false;
    for (let at = 0, bits = range.prefix; bits > 0; at++, bits -= 32) {
      const difference = (this.words[at] as number) ^ (range.words[at] as number);
      if ((bits >= 32 ? difference : difference >>> (32 - bits)) !== 0) return false;
    }
    return true;
  }

  toString(): string {
    const text = this.version === 4 ? formatV4(this.words[0] as number) : formatV6(this.words);
    return this.single ? text : `${text}/${this.prefix}`;
  }
}

/** 127.0.0.0/8 and ::1. */
export const loopbackRanges = [parseIpAddress('127.0.0.0/8'), parseIpAddress('::1')] as const;
/** 224.0.0.0/4 and ff00::/8. */
export const multicastRanges = [parseIpAddress('224.0.0.0/4'), parseIpAddress('ff00::/8')] as const;

/** `ip("10.0.0.0/8")`. Throws `EvaluationError`; an IPv4 address inside an IPv6 address is refused, as Cedar does. */
export function parseIpAddress(text: string): IpAddress {
  return tryParseIpAddress(text) ?? fail(`\`${text}\` is no IP address or range`);
}

export function tryParseIpAddress(text: string): IpAddress | undefined {
  const slash = text.indexOf('/');
  const host = slash < 0 ? text : text.slice(0, slash);
  const version = host.includes(':') ? 6 : 4;
  const words = version === 6 ? parseV6(host) : parseV4(host);
  if (words === undefined) return undefined;
  const prefix = slash < 0 ? words.length * 32 : parsePrefix(text.slice(slash + 1), words.length * 32);
  return prefix === undefined ? undefined : new IpAddress(version, words, prefix);
}

function parsePrefix(text: string, bits: number): number | undefined {
  return prefixLength.test(text) && Number(text) <= bits ? Number(text) : undefined;
}

/** Four decimal octets without leading zeros. Digit by digit, since it runs for each request that is asked its address. */
function parseV4(text: string): readonly number[] | undefined {
  let address = 0;
  let dots = 0;
  let octet = -1;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const digit = code - zero;
    if (code === dot && octet >= 0 && dots < 3) {
      address = address * 256 + octet;
      octet = -1;
      dots++;
    } else if (digit < 0 || digit > 9 || octet === 0 || octet > 25) return undefined;
    else octet = octet < 0 ? digit : octet * 10 + digit;
    if (octet > 255) return undefined;
  }
  return dots === 3 && octet >= 0 ? [address * 256 + octet] : undefined;
}

function parseV6(text: string): readonly number[] | undefined {
  const halves = text.split('::', 3);
  const head = groupsOf(halves[0] as string);
  const tail = halves.length === 1 ? [] : groupsOf(halves[1] as string);
  if (halves.length > 2 || head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array<number>(missing).fill(0), ...tail];
  return [0, 2, 4, 6].map((at) => (groups[at] as number) * 0x10000 + (groups[at + 1] as number));
}

function groupsOf(text: string): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':', 9);
  return groups.every((part) => group.test(part)) ? groups.map((part) => Number.parseInt(part, 16)) : undefined;
}

function formatV4(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

function formatV6(words: readonly number[]): string {
  return words.flatMap((word) => [(word >>> 16).toString(16), (word & 0xffff).toString(16)]).join(':');
}
