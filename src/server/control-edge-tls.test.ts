import { expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import type { FromControl } from '../api/channel.ts';
import type { RolePeer } from '../distribution/control.ts';
import { createEdgeTlsKeeper } from './control-edge-tls.ts';

type Sent = Extract<FromControl, { type: 'edge-tls' }>;

function worker() {
  const sent: Sent[] = [];
  const peer = { role: 'gateway', name: '1', send: (message: Sent) => sent.push(message) } as unknown as RolePeer;
  return { peer, sent, last: () => sent.at(-1) as Sent };
}

const challenge = { type: 'http-01', domain: 'shop.example', token: 't', keyAuthorization: 't.k' } as const;

test('every worker has the same ticket keys; they are replaced, and the former ones accepted once more', () => {
  const clock = new ManualClock();
  const keeper = createEdgeTlsKeeper(clock);
  const [one, two] = [worker(), worker()];
  for (const { peer } of [one, two]) keeper.join(peer);
  const first = one.last().body.ticketKeys;
  expect(two.last().body.ticketKeys).toEqual(first);
  expect(Buffer.from(first[0] ?? '', 'base64url')).toHaveLength(48);
  clock.advance(12 * 3_600_000);
  const second = one.last().body.ticketKeys;
  expect([second.length, second[1]]).toEqual([2, first[0]]);
  clock.advance(12 * 3_600_000);
  const third = two.last().body.ticketKeys;
  expect([third.length, third[1], third.includes(first[0] as string)]).toEqual([2, second[0], false]);
});

test('a challenge is asked for when every worker answers it, or after five seconds', async () => {
  const clock = new ManualClock();
  const keeper = createEdgeTlsKeeper(clock);
  const [one, two] = [worker(), worker()];
  for (const { peer } of [one, two]) keeper.join(peer);
  let done = false;
  const wait = keeper.present([challenge]).then(() => (done = true));
  keeper.acknowledge(one.peer, one.last().sequence);
  await Promise.resolve();
  expect([done, two.last().body.challenges]).toEqual([false, [challenge]]);
  keeper.acknowledge(two.peer, two.last().sequence);
  await wait;

  const late = keeper.present([]);
  clock.advance(5000);
  await late;
  const gone = keeper.present([challenge]);
  keeper.leave(one.peer);
  keeper.leave(two.peer);
  await gone;
});
