import { describe, expect, it } from 'vitest';
import { bodyProcessors } from './index.ts';

const limits = { maxFields: 1000, maxDepth: 64 };
const read = (processor: string, body: string, type = '') => bodyProcessors.get(processor)!(body, type, limits);
const namesOf = (fields: readonly { readonly name: string }[]): number =>
  fields.reduce((sum, { name }) => sum + name.length, 0);

/** Processor time of this process for `run`, in milliseconds. */
function cost(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

describe('bodies that are small and mean much work', () => {
  it('are refused where a long key would stand in the name of each value below it', () => {
    const key = 'k'.repeat(100_000);
    const bodies = [
      `{"${key}":[${Array(990).fill(1).join()}]}`,
      `{"${key}":{${Array.from({ length: 990 }, (_, index) => `"${index}":1`).join()}}}`,
      `${`{"${key.slice(0, 2000)}":`.repeat(60)}[${Array(990).fill(1).join()}]${'}'.repeat(60)}`,
    ];
    for (const body of bodies) {
      const { fields, error } = read('JSON', body);
      expect(error).toBe('JSON: the names of its values are too long');
      // 990 names of 100 KB each would be 99 MB for the rules to read.
      expect(namesOf(fields)).toBeLessThan(128_000 + 8 * body.length);
    }
  });

  it('are read where names are long as those of real documents are', () => {
    const deep = `{"spec":{"validation":{"openAPIV3Schema":{"properties":{"coordinates":{"measurements":[${Array(990).fill(1).join()}]}}}}}}`;
    const long = JSON.stringify({ ['k'.repeat(5000)]: [1, 2, 3] });
    const flat = JSON.stringify(
      Object.fromEntries(Array.from({ length: 990 }, (_, at) => [`${'n'.repeat(300)}${at}`, 1])),
    );
    for (const body of [deep, long, flat]) expect(read('JSON', body).error).toBeUndefined();
  });

  it('are read once, whatever they are made of', () => {
    const parameters = `Content-Disposition: form-data; name="a"${';a=b'.repeat(2000)}${' '.repeat(8000)}`;
    const parts = `--q\r\n${parameters}\r\n\r\nx\r\n`.repeat(300);
    expect(cost(() => read('MULTIPART', `${parts}--q--\r\n`, 'multipart/form-data; boundary=q'))).toBeLessThan(1000);
    expect(cost(() => read('URLENCODED', `${'a&'.repeat(900)}${'b'.repeat(20_000_000)}`))).toBeLessThan(1000);
  });

  it('say the same of parameters and fields as before', () => {
    const faultsOf = (rest: string) =>
      read(
        'MULTIPART',
        `--q\r\nContent-Disposition: form-data; name="a"${rest}\r\n\r\nx\r\n--q--\r\n`,
        'multipart/form-data; boundary=q',
      ).faults.has('MULTIPART_MISSING_SEMICOLON');
    expect([' ; b=c', '  ', ';b=c', ''].map(faultsOf)).toEqual([false, false, false, false]);
    expect([' b=c', 'x', ' x ; b=c'].map(faultsOf)).toEqual([true, true, true]);
    const pairs = (text: string) => read('URLENCODED', text).fields.map(({ name, value }) => [name, value]);
    expect(pairs('a&b=1&&=2&c&d==&e')).toEqual([
      ['a', ''],
      ['b', '1'],
      ['', '2'],
      ['c', ''],
      ['d', '='],
      ['e', ''],
    ]);
  });
});
