import { describe, expect, test } from 'vitest';
import { Turnstile } from './turnstile.ts';

const turn = (): Promise<void> => new Promise((resume) => setImmediate(resume));

describe('a turnstile', () => {
  test('lets so many through at once, and as many in each turn after', async () => {
    const passed: number[] = [];
    const turnstile = new Turnstile<number>(2, (item) => passed.push(item));
    for (let item = 0; item < 7; item++) turnstile.enter(item);
    const seen = [passed.length];
    for (let at = 0; at < 4; at++) {
      await turn();
      seen.push(passed.length);
    }
    expect(seen).toEqual([2, 4, 6, 7, 7]);
    expect(passed).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  test('lets nobody pass those who wait', async () => {
    const passed: string[] = [];
    const turnstile = new Turnstile<string>(1, (item) => passed.push(item));
    for (const item of ['a', 'b', 'c']) turnstile.enter(item);
    await turn();
    turnstile.enter('d');
    for (let at = 0; at < 4; at++) await turn();
    expect(passed).toEqual(['a', 'b', 'c', 'd']);
  });

  test('takes those who come while others pass', async () => {
    const passed: number[] = [];
    const turnstile = new Turnstile<number>(1, (item) => {
      passed.push(item);
      if (item < 3) turnstile.enter(item + 1);
    });
    turnstile.enter(0);
    expect(passed).toEqual([0]);
    for (let at = 0; at < 5; at++) await turn();
    expect(passed).toEqual([0, 1, 2, 3]);
  });
});
