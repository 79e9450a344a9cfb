import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { deniedDecision } from '../../test/fakes/records.ts';
import type { LedgerRecord } from '../api/record.ts';
import { explain, formatExplanation } from './control.ts';

// Each golden file holds a record as JSON, a line of dashes, and how its explanation looks. Write them anew with
// MERLON_UPDATE_GOLDEN=1, and read the difference.
const separator = '\n---\n';

describe('explanations look as drawn', () => {
  test.each(
    globSync(join(import.meta.dirname, 'explain.golden/*.txt'))
      .sort()
      .map((path) => [basename(path), path]),
  )('%s', (_, path) => {
    const [input = '', expected] = readFileSync(path, 'utf8').split(separator);
    const drawn = formatExplanation(explain(JSON.parse(input) as LedgerRecord), { colour: false, width: 72 });
    if (process.env.MERLON_UPDATE_GOLDEN === '1') writeFileSync(path, `${input}${separator}${drawn}`);
    else expect(drawn).toBe(expected);
  });
});

test('the explanation is JSON that says which filter decided, why, and what would allow it', () => {
  const reason = { filter: 'authz', code: 'authz.scope-missing', message: 'a scope is missing', fixes: ['ask for it'] };
  const explanation = explain(deniedDecision({ reason }));
  expect(JSON.parse(JSON.stringify(explanation))).toMatchObject({
    verdict: 'denied',
    status: 403,
    steps: [
      { filter: 'authn', decided: false },
      { filter: 'authz', decided: true },
    ],
    why: { code: 'authz.scope-missing' },
    fixes: ['ask for it'],
  });
});

test('colour adds nothing but colour', () => {
  const explanation = explain(deniedDecision());
  const coloured = formatExplanation(explanation, { colour: true, width: 80 });
  expect(coloured).toContain('\u001b[31m');
  expect(coloured.replaceAll(/\u001b\[\d+m/g, '')).toBe(formatExplanation(explanation, { colour: false, width: 80 }));
});

test('no line is wider than the terminal', () => {
  const reason = {
    filter: 'authz',
    code: 'c',
    message: 'long '.repeat(60),
    actual: 'x'.repeat(300),
    fixes: ['y '.repeat(99)],
  };
  for (const width of [48, 80, 200]) {
    const text = formatExplanation(explain(deniedDecision({ reason, path: `/${'p'.repeat(400)}` })), {
      colour: false,
      width,
    });
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(Math.min(width, 120));
  }
});

test('a record cannot make the terminal obey', () => {
  const hostile = deniedDecision({
    path: '/\u001b]0;owned\u0007\u001b[2J\u202e',
    steps: [{ filter: '\r\nx', outcome: 'deny' }],
  });
  const text = formatExplanation(explain(hostile), { colour: false, width: 80 });
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  expect(text).toContain('\\u001b]0;owned');
});
