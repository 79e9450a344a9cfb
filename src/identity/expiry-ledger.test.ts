import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import type { Expiring } from '../api/identity.ts';
import { createExpiryLedger } from './expiry-ledger.ts';

const clock = new ManualClock(0);
const entry = (id: string, expiresAtMs: number, issuedAtMs = 0): Expiring => ({
  id,
  kind: 'certificate',
  name: id,
  issuedAtMs,
  expiresAtMs,
});
const ids = (entries: readonly Expiring[]): string[] => entries.map(({ id }) => id);

describe('expiry ledger', () => {
  it('lists everything by its end, and what replaces an entry in its place', () => {
    const ledger = createExpiryLedger(clock);
    for (const one of [entry('c', 300), entry('a', 100), entry('b', 200), entry('b2', 200)]) ledger.put(one);
    expect(ids(ledger.all())).toEqual(['a', 'b', 'b2', 'c']);
    ledger.put(entry('a', 250));
    ledger.remove('b2');
    ledger.remove('never there');
    expect(ids(ledger.all())).toEqual(['b', 'a', 'c']);
    expect(ledger.get('a')?.expiresAtMs).toBe(250);
  });

  it('tells what ends soon or has ended, and what is past 65 % of its life', () => {
    const moving = new ManualClock(0);
    const ledger = createExpiryLedger(moving);
    for (const one of [entry('short', 100), entry('long', 1000), entry('later', 500, 400)]) ledger.put(one);
    expect(ids(ledger.upcoming(100))).toEqual(['short']);
    expect(ids(ledger.overdue())).toEqual([]);
    moving.advance(65);
    expect(ids(ledger.overdue())).toEqual(['short']);
    moving.advance(400);
    expect(ids(ledger.upcoming(0))).toEqual(['short']);
    expect(ids(ledger.upcoming(35))).toEqual(['short', 'later']);
    expect(ids(ledger.overdue())).toEqual(['short', 'later']);
  });
});
