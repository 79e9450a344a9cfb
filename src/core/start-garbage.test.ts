import { afterEach, expect, test, vi } from 'vitest';
import { collectStartGarbage } from './start-garbage.ts';

afterEach(() => vi.unstubAllGlobals());

test('collects once, so that pages are given back to the system', () => {
  const gc = vi.fn();
  vi.stubGlobal('gc', gc);
  collectStartGarbage();
  collectStartGarbage();
  expect(gc.mock.calls).toEqual([[{ type: 'major', execution: 'sync', flavor: 'last-resort' }]]);
});
