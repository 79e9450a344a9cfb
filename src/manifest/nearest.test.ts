import { expect, test } from 'vitest';
import { editDistance, nearest, suggest } from './nearest.ts';

test('edit distance counts insertions, deletions, substitutions and swaps', () => {
  expect(editDistance('', 'abc')).toBe(3);
  expect(editDistance('orders', 'orders')).toBe(0);
  expect(editDistance('oders', 'orders')).toBe(1);
  expect(editDistance('odrers', 'orders')).toBe(1);
  expect(editDistance('kitten', 'sitting')).toBe(3);
});

test('what is near is suggested, what is not is not', () => {
  expect(nearest('serivce', ['services', 'service', 'routes'])).toBe('service');
  expect(nearest('PATH', ['path'])).toBe('path');
  expect(nearest('completely', ['service', 'path'])).toBeUndefined();
  expect(nearest('x'.repeat(10_000), ['x'.repeat(10_000)])).toBeUndefined();
  expect(suggest('zzz', ['a', 'b'])).toBe('known: `a`, `b`');
  expect(suggest('zzz', [])).toBeUndefined();
});
