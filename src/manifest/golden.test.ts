import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, test } from 'vitest';
import { memoryFiles } from './files.ts';
import { checkManifest } from './load.ts';
import { formatProblems } from './problem.ts';

// Each case is one file: what it shows, then files (`-- name --`), then the problems as they are printed.
// UPDATE_GOLDEN=1 writes them anew; read the diff.
const divider = /^-- (.+) --\n/gm;

interface Case {
  readonly about: string;
  readonly files: Map<string, string>;
}

function parseCase(text: string): Case {
  const marks = [...text.matchAll(divider)];
  const files = new Map(
    marks.map((mark, at) => [
      mark[1] as string,
      text.slice(mark.index + mark[0].length, marks[at + 1]?.index ?? text.length),
    ]),
  );
  return { about: text.slice(0, marks[0]?.index).trim(), files };
}

function problemsOf(files: Map<string, string>): string {
  const { manifest, problems } = checkManifest('merlon.yaml', files.get('merlon.yaml') ?? '', {
    files: memoryFiles(files),
    nowMs: Date.parse('2026-01-01T00:00:00Z'),
  });
  return formatProblems(problems) + (manifest === undefined ? '' : 'accepted\n');
}

for (const path of globSync(`${import.meta.dirname}/golden/*.txt`).sort()) {
  const text = readFileSync(path, 'utf8');
  const { about, files } = parseCase(text);
  test(`${basename(path, '.txt')}: ${about}`, () => {
    const problems = problemsOf(new Map([...files].filter(([name]) => name !== 'problems')));
    if (process.env.UPDATE_GOLDEN === '1')
      writeFileSync(path, `${text.slice(0, text.search(/^-- problems --\n/m))}-- problems --\n${problems}`);
    else expect(problems).toBe(files.get('problems'));
  });
}
