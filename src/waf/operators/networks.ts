import { BlockList, isIP } from 'node:net';
import { MerlonError } from '../../core/errors.ts';
import { readLines } from './phrases.ts';
import type { Operator, OperatorFactory } from './operator.ts';

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

function addNetwork(list: BlockList, text: string): void {
  const [address = '', bits] = text.split('/');
  const version = isIP(address);
  const prefix = bits === undefined ? undefined : Number(bits);
  const most = version === 6 ? 128 : 32;
  if (version === 0 || (prefix !== undefined && !(Number.isInteger(prefix) && prefix >= 0 && prefix <= most))) {
    throw new MerlonError({ code: 'waf.bad-value', message: `\`${text}\` is neither an address nor a network` });
  }
  if (prefix === undefined) list.addAddress(address, familyOf(address));
  else list.addSubnet(address, prefix, familyOf(address));
}

function networkOperator(networks: readonly string[]): Operator {
  const list = new BlockList();
  for (const network of networks) addNetwork(list, network);
  return { matches: (text) => isIP(text.raw) !== 0 && list.check(text.raw, familyOf(text.raw)) };
}

const ipMatch: OperatorFactory = (parameter) =>
  networkOperator(parameter.split(/[\s,]+/).filter((network) => network !== ''));

const ipMatchFromFile: OperatorFactory = (parameter, sources) =>
  networkOperator(readLines(parameter, sources.readData).map((line) => line.replace(/\s.*$/, '')));

export const networkOperators: Readonly<Record<string, OperatorFactory>> = { ipMatch, ipMatchFromFile, ipMatchF: ipMatchFromFile };
