import { expect, test } from 'vitest';
import { continueTrace } from './trace-context.ts';

const caller = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

test('a valid trace is continued with a span of our own and the caller’s flags', () => {
  const { traceId, traceparent } = continueTrace([caller]);
  expect(traceId).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
  expect(traceparent).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/);
  expect(traceparent).not.toContain('00f067aa0ba902b7');
});

test.each([
  ['none', undefined],
  ['all zeros', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`],
  ['no parent', `00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01`],
  ['upper case', caller.toUpperCase()],
  ['another version', caller.replace('00-', 'ff-')],
  ['trailing text', `${caller}-extra`],
  ['an injection', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0\r\nx: y'],
])('%s begins a new trace', (_, value) => {
  const { traceId, traceparent } = continueTrace(value === undefined ? [] : [value]);
  expect(traceId).toMatch(/^[0-9a-f]{32}$/);
  expect(traceId).not.toBe('4bf92f3577b34da6a3ce929d0e0e4736');
  expect(traceparent).toBe(`00-${traceId}-${traceparent.split('-')[2]}-00`);
});

test('two fields are one that nobody can have meant', () => {
  expect(continueTrace([caller, caller]).traceId).not.toBe('4bf92f3577b34da6a3ce929d0e0e4736');
});

test('of a later version, what this one knows is read', () => {
  const { traceId, traceparent } = continueTrace([`${caller.replace('00-', '01-')}-what-comes-later`]);
  expect(traceId).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
  expect(traceparent).toMatch(/^00-/);
});
