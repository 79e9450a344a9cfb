import { BlockList } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileCidrs } from './index.ts';

describe('compileCidrs', () => {
  const set = compileCidrs([
    '10.0.0.0/8',
    '10.1.0.0/16',
    '10.1.2.3',
    '2001:db8::/32',
    '2001:db8:1::/48',
    '::1',
    '0.0.0.0/32',
  ]);

  test.each([
    ['10.0.0.1', '10.0.0.0/8'],
    ['10.1.0.0', '10.1.0.0/16'],
    ['10.1.2.3', '10.1.2.3'],
    ['10.1.2.4', '10.1.0.0/16'],
    ['10.255.255.255', '10.0.0.0/8'],
    ['11.0.0.0', undefined],
    ['9.255.255.255', undefined],
    ['0.0.0.0', '0.0.0.0/32'],
    ['0.0.0.1', undefined],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::ffff:a01:203', '10.1.2.3'],
    ['2001:db8::1', '2001:db8::/32'],
    ['2001:db8:1:ffff::', '2001:db8:1::/48'],
    ['2001:db9::', undefined],
    ['::1', '::1'],
    ['::2', undefined],
    ['', undefined],
    ['10.1', undefined],
    ['010.0.0.1', undefined],
    ['10.0.0.256', undefined],
    ['fe80::1%eth0', undefined],
  ])('%s is of %s', (address, network) => {
    expect(set.match(address)).toBe(network);
    expect(set.has(address)).toBe(network !== undefined);
  });

  test.each([
    '10.0.0.1/8',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.0/',
    '::/129',
    'example',
    '',
    '1.2.3.4/a',
    '::1%lo',
  ])('`%s` is refused', (text) => {
    expect(() => compileCidrs([text])).toThrow(expect.objectContaining({ code: 'net.bad-cidr' }));
  });

  test('everything and nothing', () => {
    expect(compileCidrs([]).match('1.2.3.4')).toBeUndefined();
    expect(compileCidrs(['0.0.0.0/0']).match('255.255.255.255')).toBe('0.0.0.0/0');
    expect(compileCidrs(['0.0.0.0/0']).has('::1')).toBe(false);
    expect(compileCidrs(['::/0']).has('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')).toBe(true);
  });

  test('agrees with the list of Node', () => {
    // A small corner of the address space, so that networks nest and touch.
    const network = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 20, max: 32 })).map(([low, bits]) => {
      const value = (10 * 2 ** 24 + low * 37) & (bits === 0 ? 0 : -1 << (32 - bits));
      return { address: dotted(value >>> 0), bits };
    });
    fc.assert(
      fc.property(
        fc.array(network, { maxLength: 12 }),
        fc.array(fc.nat(12_000), { maxLength: 20 }),
        (networks, hosts) => {
          const list = new BlockList();
          for (const { address, bits } of networks) list.addSubnet(address, bits);
          const ours = compileCidrs(networks.map(({ address, bits }) => `${address}/${bits}`));
          for (const host of hosts) {
            const address = dotted(10 * 2 ** 24 + host);
            expect(ours.has(address)).toBe(list.check(address));
            const match = ours.match(address);
            if (match === undefined) continue;
            const narrowest = Math.max(
              ...networks
                .filter((each) => compileCidrs([`${each.address}/${each.bits}`]).has(address))
                .map(({ bits }) => bits),
            );
            expect(match.endsWith(`/${narrowest}`)).toBe(true);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('a hundred thousand networks', () => {
    const large = compileCidrs(Array.from({ length: 100_000 }, (_, index) => `${dotted(2 ** 28 + index * 512)}/24`));
    expect(large.size).toBe(100_000);
    expect(large.match(dotted(2 ** 28 + 77_777 * 512 + 9))).toBe(`${dotted(2 ** 28 + 77_777 * 512)}/24`);
    expect(large.has(dotted(2 ** 28 + 77_777 * 512 + 300))).toBe(false);
  });
});

function dotted(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}
