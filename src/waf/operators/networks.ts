import { BlockList, isIP } from 'node:net';
import { MerlonError } from '../../core/errors.ts';
import type { Operator, OperatorFactory } from './operator.ts';
import { readLines } from './phrases.ts';

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

const mappedForm = /^(?:0{0,4}:){0,5}(?::|(?:0{1,4}:))ffff:(?:([0-9.]+)|([0-9a-f]{1,4}):([0-9a-f]{1,4}))$/i;

/** An IPv4 address in IPv6's clothes (RFC 4291, 2.5.5.2) is an IPv4 address. */
function unmapped(address: string): string {
  const match = mappedForm.exec(address);
  if (match === null) return address;
  if (match[1] !== undefined) return match[1];
  const [high, low] = [Number.parseInt(match[2]!, 16), Number.parseInt(match[3]!, 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

interface Network {
  readonly address: string;
  readonly prefix: number | undefined;
}

function parseNetwork(text: string): Network {
  const [address = '', bits] = text.split('/');
  const version = isIP(address);
  const prefix = bits === undefined ? undefined : Number(bits);
  const most = version === 6 ? 128 : 32;
  if (version === 0 || (prefix !== undefined && !(Number.isInteger(prefix) && prefix >= 0 && prefix <= most))) {
    throw new MerlonError({ code: 'waf.bad-value', message: `\`${text}\` is neither an address nor a network` });
  }
  const plain = unmapped(address);
  if (plain === address || (prefix !== undefined && prefix < 96)) return { address, prefix };
  return { address: plain, prefix: prefix === undefined ? undefined : prefix - 96 };
}

function addNetwork(lists: Readonly<Record<'ipv4' | 'ipv6', BlockList>>, { address, prefix }: Network): void {
  const family = familyOf(address);
  if (prefix === undefined) lists[family].addAddress(address, family);
  else lists[family].addSubnet(address, prefix, family);
}

const ipv4Form = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** The 32 bits of an IPv4 address; undefined where the text is none. */
function ipv4Bits(address: string): number | undefined {
  const match = ipv4Form.exec(address);
  if (match === null) return undefined;
  const bytes = match.slice(1).map(Number);
  return bytes.every((byte) => byte < 256) ? bytes.reduce((bits, byte) => (bits << 8) | byte, 0) : undefined;
}

/** Short lists of IPv4 networks are compared one by one: that costs less than asking a BlockList. */
const maxCompared = 16;

function shortList(networks: readonly Network[]): ((address: string) => boolean) | undefined {
  const short = networks.filter(({ address }) => isIP(address) === 4);
  if (short.length > maxCompared) return undefined;
  const ranges = short.map(({ address, prefix = 32 }) => {
    const mask = prefix === 0 ? 0 : -1 << (32 - prefix);
    return { mask, bits: ipv4Bits(address)! & mask };
  });
  return (address) => {
    const bits = ipv4Bits(address);
    return bits !== undefined && ranges.some((range) => (bits & range.mask) === range.bits);
  };
}

function networkOperator(texts: readonly string[]): Operator {
  const networks = texts.map(parseNetwork);
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const network of networks) addNetwork(lists, network);
  const compare = shortList(networks);
  const check = (address: string): boolean => {
    const version = isIP(address);
    if (version === 4 && compare !== undefined) return compare(address);
    return version !== 0 && lists[familyOf(address)].check(address, familyOf(address));
  };
  let last = '';
  let answer = false;
  return {
    matches({ raw }) {
      if (raw === last) return answer;
      last = raw;
      answer = check(unmapped(raw));
      return answer;
    },
  };
}

const ipMatch: OperatorFactory = (parameter) =>
  networkOperator(parameter.split(/[\s,]+/).filter((network) => network !== ''));

const ipMatchFromFile: OperatorFactory = (parameter, sources) =>
  networkOperator(readLines(parameter, sources.readData).map((line) => line.replace(/\s.*$/, '')));

export const networkOperators: Readonly<Record<string, OperatorFactory>> = {
  ipMatch,
  ipMatchFromFile,
  ipMatchF: ipMatchFromFile,
};
