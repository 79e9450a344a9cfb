import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, test } from 'vitest';
import { memoryFiles } from '../files.ts';
import { checkManifest } from '../load.ts';
import { discoverManifest } from './discover.ts';
import { formatFindings } from './format.ts';

// Each case is one file: what it shows, then the files of a folder (`-- name --`), then the draft and the findings.
// UPDATE_GOLDEN=1 writes them anew; read the diff.
const divider = /^-- (.+) --\n/gm;

function filesOf(text: string): Map<string, string> {
  const marks = [...text.matchAll(divider)];
  return new Map(
    marks.map((mark, at) => [
      mark[1] as string,
      text.slice(mark.index + mark[0].length, marks[at + 1]?.index ?? text.length),
    ]),
  );
}

for (const path of globSync(`${import.meta.dirname}/golden/*.txt`).sort()) {
  const text = readFileSync(path, 'utf8');
  const about = text.slice(0, text.indexOf('\n'));
  test(`${basename(path, '.txt')}: ${about}`, () => {
    const given = new Map(
      [...filesOf(text)]
        .filter(([name]) => name !== 'draft' && name !== 'findings')
        .map(([name, content]) => [`shop/${name}`, content]),
    );
    const { manifest, findings } = discoverManifest('shop', memoryFiles(given));
    const { problems } = checkManifest('shop/merlon.yaml', manifest, {
      files: memoryFiles(new Map([...given, ['shop/merlon.yaml', manifest]])),
    });
    expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
    const told = `-- draft --\n${manifest}-- findings --\n${formatFindings(findings)}`;
    const start = text.search(/^-- draft --\n/m);
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(path, text.slice(0, start === -1 ? undefined : start) + told);
    else expect(told).toBe(text.slice(start));
  });
}
