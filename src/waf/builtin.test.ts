import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { compileWaf, type WafRequest } from './index.ts';

// One file for each rule: lines that must make it fire and are refused (`+`), lines that make a rule fire that is
// not enough by itself (`~`), and lines that must not (`-`).

const folder = join(import.meta.dirname, 'builtin');
const cases = join(folder, 'cases');
const waf = compileWaf({}, new ManualClock());

const bytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
/** Percent-encodes what a client would; escapes that the case holds stay. */
const encode = (text: string): string => encodeURIComponent(text).replace(/%25(?=[0-9a-fA-F]{2})/g, '%');

const plain: WafRequest = {
  method: 'GET',
  uri: '/orders',
  protocol: 'HTTP/1.1',
  headers: [
    ['Host', 'shop.example'],
    ['User-Agent', 'test'],
  ],
  remoteAddress: '192.0.2.1',
  id: 'x',
};

function post(type: string, body: string): WafRequest {
  return {
    ...plain,
    method: 'POST',
    headers: [...plain.headers, ['Content-Type', type]],
    body: Buffer.from(body, 'utf8'),
  };
}

function requestFor(kind: string, text: string): WafRequest {
  switch (kind) {
    case 'arg':
      return { ...plain, uri: `/orders?q=${encode(text)}` };
    case 'name':
      return { ...plain, uri: `/orders?${encode(text)}=1` };
    case 'path':
      return { ...plain, uri: text };
    case 'header': {
      const colon = text.indexOf(':');
      return {
        ...plain,
        headers: [
          ...plain.headers.filter(([name]) => name !== text.slice(0, colon)),
          [text.slice(0, colon), bytes(text.slice(colon + 1).trim())],
        ],
      };
    }
    case 'json':
      return post('application/json', text);
    case 'xml':
      return post('application/xml', text);
    default:
      throw new Error(`no kind of case \`${kind}\``);
  }
}

const ids = readdirSync(folder)
  .filter((name) => name.endsWith('.conf') && !name.startsWith('00-') && !name.startsWith('10-'))
  .flatMap((name) =>
    [...readFileSync(join(folder, name), 'utf8').matchAll(/"id:(\d+)/g)].map((match) => Number(match[1])),
  );

describe('built-in rules', () => {
  it('have one file of cases each', () => {
    expect(readdirSync(cases).sort()).toEqual(ids.map((id) => `${id}.txt`).sort());
  });

  for (const id of ids) {
    it(`${id} fires when it must, and only then`, () => {
      const lines = readFileSync(join(cases, `${id}.txt`), 'utf8')
        .split('\n')
        .filter((line) => line !== '');
      const paranoia = lines[0] === 'level 2' ? 2 : 1;
      const route = waf.route({ mode: 'block', paranoia });
      const tests = lines
        .filter((line) => !line.startsWith('level'))
        .map((line) => ({ line, sign: line[0], kind: line.split(' ')[1]!, text: line.split(' ').slice(2).join(' ') }));
      expect(new Set(tests.map(({ sign }) => sign).filter((sign) => sign !== '~'))).toEqual(new Set(['+', '-']));
      for (const { line, sign, kind, text } of tests) {
        const report = route.examine(requestFor(kind, text));
        expect(
          report.matches.some((match) => match.id === id),
          line,
        ).toBe(sign !== '-');
        if (sign !== '-') expect(report.denial?.status, line).toBe(sign === '+' ? 403 : undefined);
      }
    });
  }
});
