import { expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import type { Decision } from '../api/record.ts';
import type { Refusal } from '../net/index.ts';
import { createRefusalRecords } from './refusal-records.ts';

const from = (remoteAddress: string): Refusal => ({
  code: 'net.bad-header',
  status: 400,
  message: 'a header field name holds a character that is not allowed',
  remoteAddress,
  remotePort: 1,
  localPort: 2,
  scheme: 'https',
  method: 'GET',
  target: '/orders?secret=1',
});

function setup() {
  const clock = new ManualClock();
  const records: Decision[] = [];
  return { clock, records, refused: createRefusalRecords(clock, (record) => void records.push(record as Decision)) };
}

test('a refusal leaves a record that its id finds', () => {
  const { records, refused } = setup();
  const id = refused(from('192.0.2.1'));
  expect(records).toMatchObject([
    {
      id,
      verdict: 'deny',
      status: 400,
      path: '/orders',
      remoteAddress: '192.0.2.1',
      reason: { code: 'net.bad-header' },
    },
  ]);
});

test('a flood of one address leaves a few, and each refusal the id of one that is there', () => {
  const { clock, records, refused } = setup();
  const ids = new Set(Array.from({ length: 10_000 }, () => refused(from('192.0.2.1'))));
  expect(records).toHaveLength(50);
  expect([...ids]).toEqual(records.map(({ id }) => id));

  refused(from('192.0.2.2'));
  expect(records).toHaveLength(51);

  clock.advance(1000);
  for (let each = 0; each < 100; each++) refused(from('192.0.2.1'));
  expect(records).toHaveLength(56);
  expect(records[51]?.reason?.detail).toMatch(/^9950 refusals/);
  expect(records[52]?.reason).not.toHaveProperty('detail');
});

test('many addresses are not remembered for ever', () => {
  const { records, refused } = setup();
  const flood = (): void => {
    for (let each = 0; each < 60; each++) refused(from('192.0.2.1'));
  };
  flood();
  expect(records).toHaveLength(50);
  for (let each = 0; each < 4096; each++) refused(from(`10.0.${each >> 8}.${each & 255}`));
  flood();
  expect(records).toHaveLength(50 + 4096 + 50);
});
