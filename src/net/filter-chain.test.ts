import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { compileChain, type Filter } from './index.ts';

const clock = new ManualClock();
const filter = (name: string, outcome: string | undefined | Promise<string | undefined>): Filter<string[], string> => ({
  name,
  run: (seen) => {
    seen.push(name);
    clock.advance(5);
    return outcome;
  },
});

describe('a chain', () => {
  test('runs in order, without a promise where no filter makes one', () => {
    const seen: string[] = [];
    const chain = compileChain([filter('a', undefined), filter('b', undefined)], clock);
    expect(chain.names).toEqual(['a', 'b']);
    expect(chain.run(seen)).toBeUndefined();
    expect(seen).toEqual(['a', 'b']);
  });

  test('ends with the first outcome, now or later', async () => {
    for (const outcome of ['no', Promise.resolve('no')]) {
      const seen: string[] = [];
      const chain = compileChain(
        [filter('a', Promise.resolve(undefined)), filter('b', outcome), filter('c', 'never')],
        clock,
      );
      expect(await chain.run(seen)).toBe('no');
      expect(seen).toEqual(['a', 'b']);
    }
  });

  test('gives errors to the caller', async () => {
    const thrower = {
      name: 'x',
      run: () => {
        throw new Error('x');
      },
    };
    expect(() => compileChain([thrower], clock).run([])).toThrow('x');
    const rejecting = compileChain([filter('a', Promise.resolve(undefined)), thrower], clock).run([]);
    await expect(rejecting).rejects.toThrow('x');
  });

  test('measures each filter where it is asked to', async () => {
    const times: [string, number][] = [];
    const chain = compileChain([filter('a', undefined), filter('b', 'no'), filter('c', undefined)], clock);
    expect(await chain.run([], (name, ms) => times.push([name, ms]))).toBe('no');
    expect(times).toEqual([
      ['a', 5],
      ['b', 5],
    ]);
  });
});
