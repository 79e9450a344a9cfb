import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { memoryFiles } from './files.ts';
import { manifestJsonSchema } from './json-schema.ts';
import { checkManifest } from './load.ts';
import { formatProblems } from './problem.ts';

const files = memoryFiles(new Map());
const check = (text: string) => checkManifest('merlon.yaml', text, { files });

// Keys of the language, so that random trees get past its doors.
const words = [...new Set(JSON.stringify(manifestJsonSchema()).match(/"[a-zA-Z]{3,20}"(?=:)/g) ?? [])].map((word) =>
  word.slice(1, -1),
);
const key = fc.oneof(
  fc.constantFrom(...words, '__proto__', 'constructor', 'toString', 'orders', 'GET', '*'),
  fc.string({ maxLength: 8 }),
);
const scalar = fc.oneof(
  fc.constantFrom(
    1,
    0,
    -1,
    true,
    null,
    '',
    'embedded',
    'orders',
    '/',
    '/oidc',
    '600/min',
    '1MiB',
    '30s',
    'secret/a#b',
    'http://localhost:80',
  ),
  fc.string({ maxLength: 20 }),
  fc.double(),
);
const tree = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 6 }).map((pairs) => new Map(pairs)),
  ),
})).value;

function holds(text: string): void {
  const { manifest, problems } = check(text);
  expect(manifest === undefined).toBe(problems.some(({ severity }) => severity === 'error'));
  const lines = text.split('\n').length;
  for (const { line, column } of problems) {
    expect(line).toBeGreaterThanOrEqual(1);
    expect(line).toBeLessThanOrEqual(lines);
    expect(column).toBeGreaterThanOrEqual(1);
  }
  expect(formatProblems(problems, { color: true })).not.toMatch(/[\u0000-\u0009\u000b-\u001a\u001c-\u001f]/);
}

test('no text crashes the loader', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), holds), { numRuns: 300 });
  const yamlish = fc.array(
    fc.constantFrom(
      'a',
      ':',
      ' ',
      '\n',
      '- ',
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      '&a ',
      '*a',
      '!!x ',
      '|',
      '>',
      '#',
      '? ',
      '\t',
      '---\n',
      '%',
      ',',
    ),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(
      yamlish.map((parts) => parts.join('')),
      holds,
    ),
    { numRuns: 1000 },
  );
});

test('no tree crashes the loader', () => {
  const top = fc.array(fc.tuple(fc.constantFrom(...Object.keys(manifestJsonSchema().properties ?? {})), tree), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(
      top.map((pairs) => stringify(new Map<unknown, unknown>([['version', 1], ['trustDomain', 'a.b'], ...pairs]))),
      holds,
    ),
    { numRuns: 600 },
  );
});

test('no secret that is written where secrets stand is shown', () => {
  const places = [
    (secret: string) => `services: { a: { run: x, env: { A: ${secret} } } }`,
    (secret: string) => `services: { a: { run: x, env: [${secret}] } }`,
    (secret: string) => `services: { a: { run: x, secrets: { A: ${secret} } } }`,
    (secret: string) => `services: { a: { run: x, secrets: { A: { path: ${secret}, as: ${secret} } } } }`,
    (secret: string) => `users: { a: { passwordHash: ${secret}, password: ${secret} } }`,
    (secret: string) => `users: { a: { passwordHash: >-\n  ${secret}\n  ${secret}\n} }`,
    (secret: string) => `services:\n a:\n  env: { PASSWORD: "${secret} }\n`,
    (secret: string) => `services:\n a:\n  secrets: |\n   ${secret}\n  ${secret}\n${secret}`,
  ];
  const secret = fc.stringMatching(/^[a-z]{8,12}[0-9]{4}$/);
  fc.assert(
    fc.property(fc.constantFrom(...places), secret, (place, text) => {
      const { problems } = check(`version: 2\n${place(text)}\n`);
      expect(JSON.stringify(problems)).not.toContain(text);
    }),
    { numRuns: 300 },
  );
});

test('deep nesting, thousands of keys and aliases do not take long', { timeout: 60_000 }, () => {
  const texts = [
    '['.repeat(50_000),
    '{a: '.repeat(25_000),
    '- '.repeat(50_000),
    Array.from({ length: 30_000 }, (_, at) => `key${at}: value\n`).join(''),
    '- &a x\n'.repeat(15_000) + '- *a\n'.repeat(15_000),
    `routes:\n${'- { path: /x, service: y }\n'.repeat(5000)}`,
    `services:\n${Array.from({ length: 5000 }, (_, at) => ` s${at}: { run: x, calls: [s${(at + 1) % 5000}] }\n`).join('')}`,
  ];
  for (const text of texts) {
    const before = performance.now();
    check(text);
    expect(performance.now() - before, text.slice(0, 20)).toBeLessThan(10_000);
  }
});
