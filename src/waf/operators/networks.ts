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

function addNetwork(lists: Readonly<Record<'ipv4' | 'ipv6', BlockList>>, text: string): void {
  const { address, prefix } = parseNetwork(text);
  const family = familyOf(address);
  if (prefix === undefined) lists[family].addAddress(address, family);
  else lists[family].addSubnet(address, prefix, family);
}

function networkOperator(networks: readonly string[]): Operator {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const network of networks) addNetwork(lists, network);
  const check = (address: string): boolean =>
    isIP(address) !== 0 && lists[familyOf(address)].check(address, familyOf(address));
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
