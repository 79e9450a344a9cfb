import { expect, test } from 'vitest';
import { createRound } from './round.ts';
import { createLane } from './shared/lane.ts';

const turn = (): Promise<void> => new Promise((resume) => setImmediate(resume));

test('a round visits all, so many at once; what is added goes first; a second round waits for no one', async () => {
  const open: { readonly one: number; readonly end: () => void }[] = [];
  const round = createRound<number>(2, (one) =>
    one % 10 === 0 ? undefined : new Promise<void>((end) => open.push({ one, end })),
  );
  round.start([0, 1, 10, 2, 3, 20]);
  expect(open.map(({ one }) => one)).toEqual([1, 2]);
  round.start([4, 5]);
  round.add(7);
  round.add(7);
  open[0]?.end();
  await turn();
  expect(open.map(({ one }) => one)).toEqual([1, 2, 7]);
  for (const { end } of open) end();
  await turn();
  for (const { end } of open) end();
  await turn();
  expect(open.map(({ one }) => one)).toEqual([1, 2, 7, 3]);
  round.start([8]);
  expect(open.at(-1)?.one).toBe(8);
});

test('a visit that adds itself is visited again, not at once', async () => {
  let visits = 0;
  const round = createRound<string>(1, (one) => {
    if (++visits < 1000) round.add(one);
    return visits % 2 === 0 ? Promise.resolve() : undefined;
  });
  round.add('a');
  while (visits < 1000) await turn();
  expect(visits).toBe(1000);
});

test('a lane lets so many through, the others in order; cleared, they learn nothing; too many are refused', async () => {
  const ends: (() => void)[] = [];
  let most = 0;
  let underWay = 0;
  const lane = createLane(2, 3);
  const question = (value: number) => async (): Promise<number> => {
    most = Math.max(most, ++underWay);
    await new Promise<void>((end) => ends.push(end));
    underWay--;
    return value;
  };
  const answers = [1, 2, 3, 4, 5].map((value) => lane.ask(question(value)));
  await expect(lane.ask(question(6))).rejects.toThrow('3 questions wait');
  expect(underWay).toBe(2);
  ends[0]?.();
  expect(await answers[0]).toBe(1);
  await turn();
  expect(ends.length).toBe(3);
  lane.clear();
  expect(await Promise.all(answers.slice(3))).toEqual([undefined, undefined]);
  for (const end of ends) end();
  expect(await Promise.all(answers)).toEqual([1, 2, 3, undefined, undefined]);
  const failed = lane.ask(() => Promise.reject(new Error('no')));
  await expect(failed).rejects.toThrow('no');
  const again = lane.ask(question(7));
  ends.at(-1)?.();
  expect(await again).toBe(7);
  expect(most).toBe(2);
});
