import { isIPv6 } from 'node:net';

/** A dotted IPv4 address as a number, or -1. Strict: four decimal parts, no leading zeros, so that no reader takes it for octal. */
export function tryParseIpv4(text: string): number {
  const { length } = text;
  if (length < 7 || length > 15) return -1;
  let address = 0;
  let part = -1;
  let dots = 0;
  for (let at = 0; at <= length; at++) {
    const code = at === length ? 0x2e : text.charCodeAt(at);
    if (code === 0x2e) {
      if (part < 0 || part > 255) return -1;
      address = address * 256 + part;
      part = -1;
      dots++;
    } else if (code >= 0x30 && code <= 0x39 && part !== 0) {
      part = (part < 0 ? 0 : part * 10) + code - 0x30;
    } else return -1;
  }
  return dots === 4 ? address : -1;
}

/** Writes an IPv6 address into `words` (four 32-bit words). False where `text` is none, or carries a zone. */
export function tryParseIpv6(text: string, words: Uint32Array): boolean {
  if (text.includes('%') || !isIPv6(text)) return false;
  const gap = text.indexOf('::');
  const head = groups(gap < 0 ? text : text.slice(0, gap));
  const tail = gap < 0 ? [] : groups(text.slice(gap + 2));
  const all = [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
  for (let word = 0; word < 4; word++) words[word] = (all[word * 2] as number) * 65_536 + (all[word * 2 + 1] as number);
  return true;
}

function groups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const v4 = tryParseIpv4(group);
    return [Math.floor(v4 / 65_536), v4 % 65_536];
  });
}

/** An IPv4 address of the mapped IPv6 form (`::ffff:10.0.0.1`, as dual-stack sockets report it) in its own form; anything else as it is. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

const scratch = new Uint32Array(4);

/** What connections are counted by: the address itself, of an IPv6 address its /64, which one subscriber commands whole. */
export function subscriberOf(address: string): string {
  if (!address.includes(':') || !tryParseIpv6(address, scratch)) return address;
  return `${(scratch[0] as number).toString(16)}:${(scratch[1] as number).toString(16)}`;
}

/** Whether `text` is an IP address in the form that this program writes and reads. */
export function isAddress(text: string): boolean {
  return text.includes(':') ? tryParseIpv6(text, scratch) : tryParseIpv4(text) >= 0;
}
