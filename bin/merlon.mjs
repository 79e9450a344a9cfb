#!/usr/bin/env node
// Plain JavaScript, so that nothing is loaded to strip types where the code cache already has the stripped code: a
// role is up in half the time and takes 20 MB less. The cache is private to its user, and each confined role has its
// own, since whoever can write a cache can choose what the next process runs.
import { mkdirSync, statSync } from 'node:fs';
import module from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

if (Number(process.versions.node.split('.')[0]) < 24) {
  process.stderr.write(`error Merlon needs Node.js 24, this is ${process.versions.node}\n  run it as \`npm run -s merlon -- ...\`, which brings its own\n`);
  process.exit(71);
}

function isPrivate(folder) {
  const { uid, mode } = statSync(folder);
  return (process.getuid === undefined || uid === process.getuid()) && (mode & 0o022) === 0;
}

try {
  const folder = process.env.MERLON_CODE_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'merlon', 'cli');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (isPrivate(folder)) module.enableCompileCache(folder);
} catch {
  // Without a cache everything works, more slowly.
}

const { run } = await import('../src/cli/run.ts');
process.exitCode = await run(process.argv.slice(2));
