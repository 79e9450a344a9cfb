import { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { defaultHttpLimits } from './config.ts';
import { ConnectionTable } from './connection-table.ts';

const turn = (): Promise<void> => new Promise((resume) => setImmediate(resume));

/** A table with `count` connections whose time is over, or not. */
function tableOf(count: number, isOver: boolean) {
  const clock = new ManualClock();
  const table = new ConnectionTable(defaultHttpLimits, clock);
  const socket = new Socket();
  table.admit(socket);
  const swept: number[] = [];
  for (let at = 0; at < count; at++) {
    const connection = {
      drain: () => undefined,
      sweep: () => {
        swept.push(at);
        if (isOver) table.remove(connection);
        return isOver;
      },
    };
    table.add(connection);
  }
  return { clock, swept, end: () => socket.destroy() };
}

describe('the sweep', () => {
  test('ends a crowd whose time is over a few in each turn: others are served in between', async () => {
    const { clock, swept, end } = tableOf(100, true);
    clock.advance(1000);
    const seen = [swept.length];
    for (let at = 0; at < 12; at++) {
      await turn();
      seen.push(swept.length);
    }
    expect(seen).toEqual([8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 100]);
    expect(swept).toEqual(Array.from({ length: 100 }, (_, at) => at));
    end();
  });

  test('looks at all others in one', async () => {
    const { clock, swept, end } = tableOf(100, false);
    clock.advance(1000);
    expect(swept).toHaveLength(100);
    end();
  });
});
