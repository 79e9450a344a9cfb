import { describe, it } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { MemoryStore } from '../../test/fakes/store.ts';
import { storeSuite } from './store.suite.ts';

describe('memory store', () => {
  for (const { name, run } of storeSuite) {
    it(name, async () => {
      const clock = new ManualClock();
      await run({ store: new MemoryStore(clock), now: () => clock.now(), advance: (ms) => clock.advance(ms) });
    });
  }
});
