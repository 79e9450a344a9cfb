import { inflateRawSync } from 'node:zlib';
import type { NetworkLists } from '../api/edge.ts';
import { compileCidrs } from '../net/index.ts';

/** Networks of a manifest and of the files that it names, compiled. */
export interface NetworkSet {
  readonly isEmpty: boolean;
  has(address: string): boolean;
  /** The narrowest network that holds `address`, and the file that lists it: `203.0.113.0/24 (lists/deny.txt)`. */
  describe(address: string): string | undefined;
}

/** Compiles lists of networks. */
export type CompileNetworks = (lists: NetworkLists) => NetworkSet;

const maxListBytes = 64 * 1024 * 1024;
const kept = 6;

/** A compiler that remembers: a list of 100,000 networks must not be compiled anew because a key was rotated. */
export function createNetworkCompiler(): CompileNetworks {
  let known: { readonly lists: NetworkLists; readonly set: NetworkSet }[] = [];
  return (lists) => {
    const found = known.find((each) => isSame(each.lists, lists)) ?? { lists, set: compileNetworks(lists) };
    known = [found, ...known.filter((each) => each !== found)].slice(0, kept);
    return found.set;
  };
}

function isSame(a: NetworkLists, b: NetworkLists): boolean {
  return (
    a.networks.join() === b.networks.join() &&
    a.files.length === b.files.length &&
    a.files.every(({ file, packed }, at) => file === b.files[at]?.file && packed === b.files[at]?.packed)
  );
}

function compileNetworks({ networks, files }: NetworkLists): NetworkSet {
  const unpacked = files.map(({ file, packed }) => ({ file, networks: unpack(packed) }));
  const all = compileCidrs([...networks, ...unpacked.flatMap((list) => list.networks)]);
  return {
    isEmpty: all.size === 0,
    has: all.has,
    describe: (address) => {
      const network = all.match(address);
      if (network === undefined) return undefined;
      const list = networks.includes(network) ? undefined : unpacked.find((each) => each.networks.includes(network));
      return list === undefined ? network : `${network} (${list.file})`;
    },
  };
}

function unpack(packed: string): string[] {
  const text = inflateRawSync(Buffer.from(packed, 'base64'), { maxOutputLength: maxListBytes }).toString();
  return text === '' ? [] : text.split('\n');
}
