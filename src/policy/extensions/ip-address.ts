import { fail } from '../evaluation-error.ts';
import type { Extension } from '../values.ts';

const octet = /^(?:0|[1-9]\d{0,2})$/;
const group = /^[0-9A-Fa-f]{1,4}$/;
const prefixLength = /^(?:0|[1-9]\d{0,2})$/;

/** An IP address or a CIDR range, either family. */
export class IpAddress implements Extension {
  readonly extension = 'ipaddr';
  readonly version: 4 | 6;
  readonly address: bigint;
  readonly prefix: number;

  constructor(version: 4 | 6, address: bigint, prefix: number) {
    this.version = version;
    this.address = address;
    this.prefix = prefix;
  }

  equals(other: Extension): boolean {
    return (
      other instanceof IpAddress &&
      other.version === this.version &&
      other.prefix === this.prefix &&
      other.address === this.address
    );
  }

  /** Whether every address of this range lies in `range`. */
  isInRange(range: IpAddress): boolean {
    if (this.version !== range.version || this.prefix < range.prefix) return false;
    const hostBits = BigInt((range.version === 4 ? 32 : 128) - range.prefix);
    return this.address >> hostBits === range.address >> hostBits;
  }

  toString(): string {
    const text = this.version === 4 ? formatV4(this.address) : formatV6(this.address);
    return this.prefix === (this.version === 4 ? 32 : 128) ? text : `${text}/${this.prefix}`;
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
  const address = version === 6 ? parseV6(host) : parseV4(host);
  const bits = version === 6 ? 128 : 32;
  const prefix = slash < 0 ? bits : parsePrefix(text.slice(slash + 1), bits);
  return address === undefined || prefix === undefined ? undefined : new IpAddress(version, address, prefix);
}

function parsePrefix(text: string, bits: number): number | undefined {
  return prefixLength.test(text) && Number(text) <= bits ? Number(text) : undefined;
}

function parseV4(text: string): bigint | undefined {
  const octets = text.split('.', 5);
  if (octets.length !== 4 || !octets.every((part) => octet.test(part) && Number(part) <= 255)) return undefined;
  return BigInt(octets.reduce((address, part) => address * 256 + Number(part), 0));
}

function parseV6(text: string): bigint | undefined {
  const halves = text.split('::', 3);
  const head = groupsOf(halves[0] as string);
  const tail = halves.length === 1 ? [] : groupsOf(halves[1] as string);
  if (halves.length > 2 || head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array<string>(missing).fill('0'), ...tail];
  return groups.reduce((address, part) => (address << 16n) | BigInt(Number.parseInt(part, 16)), 0n);
}

function groupsOf(text: string): string[] | undefined {
  if (text === '') return [];
  const groups = text.split(':', 9);
  return groups.every((part) => group.test(part)) ? groups : undefined;
}

function formatV4(address: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => Number((address >> shift) & 255n)).join('.');
}

function formatV6(address: bigint): string {
  const groups = Array.from({ length: 8 }, (_, at) => ((address >> BigInt(112 - at * 16)) & 0xffffn).toString(16));
  return groups.join(':');
}
