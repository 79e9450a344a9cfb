import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { authnDenials } from './errors.ts';

test('the README names every way of being refused', () => {
  const readme = readFileSync(new URL('README.md', import.meta.url), 'utf8');
  for (const code of Object.keys(authnDenials)) expect(readme).toContain(`\`${code}\``);
});

test('a sentence is lower case, has no full stop, and fits into a quoted string', () => {
  for (const { message } of Object.values(authnDenials)) expect(message).toMatch(/^[a-z][A-Za-z ,`-]*[^.]$/);
});
