import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { denialCodes, formatNote, problemCodes, warningCodes } from './errors.ts';

describe('codes', () => {
  const folder = import.meta.dirname;
  const used = new Set<string>();
  for (const file of globSync('**/*.ts', { cwd: folder })) {
    if (file.endsWith('.test.ts') || file === 'errors.ts') continue;
    for (const [, code = ''] of readFileSync(join(folder, file), 'utf8').matchAll(/'(openapi\.[a-z-]+)'/g))
      used.add(code);
  }

  it('are all used, and all that are used are listed', () => {
    // Names of protections, not of errors.
    const protections = ['openapi.unknown-fields', 'openapi.parameters', 'openapi.body'];
    const listed: string[] = [...problemCodes, ...warningCodes, ...denialCodes];
    expect([...used].filter((code) => !listed.includes(code) && !protections.includes(code))).toEqual([]);
    expect(listed.filter((code) => !used.has(code))).toEqual([]);
  });

  it('stand in a note as one line', () => {
    expect(formatNote({ code: 'openapi.schema', message: 'x is y', at: 'a.yaml:1:2', hint: 'do z' })).toBe(
      'a.yaml:1:2: openapi.schema: x is y (do z)',
    );
  });
});
