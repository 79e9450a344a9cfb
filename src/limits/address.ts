import { MerlonError } from '../core/errors.ts';

/**
 * Under which name an address is counted: an IPv4 address under itself, also where it is mapped into IPv6; an IPv6
 * address under its first `prefixBits` bits, since its holder may use all the addresses behind them.
 * Throws `limits.bad-address`.
 */
export function addressKey(address: string, prefixBits = 64): string {
  if (!address.includes(':')) return address;
  const words = parseIpv6(address);
  if (isMapped(words)) return `${words[6]! >> 8}.${words[6]! & 255}.${words[7]! >> 8}.${words[7]! & 255}`;
  let key = '';
  for (let word = 0, bits = prefixBits; word < 8 && bits > 0; word++, bits -= 16) {
    const mask = bits >= 16 ? 0xffff : (0xffff << (16 - bits)) & 0xffff;
    key += `${(words[word]! & mask).toString(16)}:`;
  }
  return `${key}:/${prefixBits}`;
}

function isMapped(words: Uint16Array): boolean {
  return words[5] === 0xffff && (words[0]! | words[1]! | words[2]! | words[3]! | words[4]!) === 0;
}

/** The eight words of an IPv6 address in any of its spellings (RFC 4291, section 2.2); a zone (`%eth0`) is dropped. */
function parseIpv6(address: string): Uint16Array {
  const zone = address.indexOf('%');
  const text = expandDotted(zone < 0 ? address : address.slice(0, zone));
  const gap = text.indexOf('::');
  const head = (gap < 0 ? text : text.slice(0, gap)).split(':').filter((part) => part !== '');
  const tail = (gap < 0 ? '' : text.slice(gap + 2)).split(':').filter((part) => part !== '');
  const missing = 8 - head.length - tail.length;
  if (gap < 0 ? missing !== 0 : missing < 1) throw badAddress(address);
  const words = new Uint16Array(8);
  for (const [at, part] of head.entries()) words[at] = parseWord(part, address);
  for (const [at, part] of tail.entries()) words[8 - tail.length + at] = parseWord(part, address);
  return words;
}

const dotted = /^(.*:)(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
const wordDigits = /^[0-9A-Fa-f]{1,4}$/;

function expandDotted(text: string): string {
  const [, head, a, b, c, d] = dotted.exec(text) ?? [];
  if (head === undefined) return text;
  const [high, low] = [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)];
  return `${head}${high.toString(16)}:${low.toString(16)}`;
}

function parseWord(part: string, address: string): number {
  if (!wordDigits.test(part)) throw badAddress(address);
  return Number.parseInt(part, 16);
}

function badAddress(address: string): MerlonError {
  return new MerlonError({ code: 'limits.bad-address', message: `\`${address.slice(0, 64)}\` is not an address` });
}
