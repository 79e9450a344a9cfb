import { expect, test } from 'vitest';
import { createLogger, silentLogger } from './log.ts';
import { Secret } from './secret.ts';

function collect(level: 'debug' | 'info' = 'info') {
  const lines: string[] = [];
  const log = createLogger({ name: 'control', level, destination: { write: (line: string) => void lines.push(line) } });
  return { log, lines };
}

const names = [
  'authorization',
  'cookie',
  'set-cookie',
  'password',
  'secret',
  'token',
  'accessToken',
  'refreshToken',
  'privateKey',
  'key',
  'unsealKey',
  'clientSecret',
];

test.each(names)('the value of `%s` reaches no line, at any of three depths', (name) => {
  const { log, lines } = collect();
  log.info({ [name]: 'hunter2' }, 'top');
  log.warn({ user: { [name]: 'hunter2' } }, 'below');
  log.error({ request: { headers: { [name]: 'hunter2' } } }, 'deep');
  log.child({ [name]: 'hunter2' }).info({}, 'of a child');
  expect(lines).toHaveLength(4);
  expect(lines.join('')).not.toContain('hunter2');
  expect(lines.join('')).toContain('[redacted]');
});

test('a Secret shows nowhere', () => {
  const { log, lines } = collect();
  log.info({ value: new Secret('hunter2'), many: [new Secret('hunter2')] }, 'kept');
  expect(lines.join('')).not.toContain('hunter2');
});

test('a line is JSON with level, time, name, fields and the sentence, on one line whatever it holds', () => {
  const { log, lines } = collect();
  log.info({ path: '/a\nb' }, 'a sentence\nof two lines');
  expect(lines).toHaveLength(1);
  expect(lines[0]?.trimEnd()).not.toContain('\n');
  expect(JSON.parse(lines[0] as string)).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    name: 'control',
    path: '/a\nb',
    msg: 'a sentence\nof two lines',
  });
});

test('what is below the level is not written', () => {
  const { log, lines } = collect();
  log.debug({}, 'nothing');
  silentLogger.child({}).error({}, 'nothing');
  expect(lines).toEqual([]);
});
