// `npm run bench -- <question> [part...] [--quick]`: one question, answered in numbers.
import { pathToFileURL } from 'node:url';
import type { Question } from './harness.ts';

const questions: Readonly<Record<string, () => Promise<{ readonly question: Question }>>> = {
  footprint: () => import('./footprint/bench.ts'),
  gateway: () => import('./gateway/bench.ts'),
  openapi: () => import('./openapi/bench.ts'),
  policy: () => import('./policy/bench.ts'),
  limits: () => import('./limits/bench.ts'),
  audit: () => import('./audit/bench.ts'),
  waf: () => import('./waf/bench.ts'),
  'false-positives': () => import('./false-positives/bench.ts'),
  pathological: () => import('./pathological/bench.ts'),
  fuzz: () => import('./fuzz/bench.ts'),
  'slow-clients': () => import('./slow-clients/bench.ts'),
};

async function run(words: readonly string[]): Promise<number> {
  const [name = '', ...parts] = words.filter((word) => !word.startsWith('-'));
  const load = Object.hasOwn(questions, name) ? questions[name] : undefined;
  if (load === undefined) {
    process.stderr.write(
      `usage: npm run bench -- <question> [part...] [--quick]\nquestions: ${Object.keys(questions).join(', ')}\n`,
    );
    return 2;
  }
  const quick = words.includes('--quick');
  if (quick) process.stdout.write('A quick run shows that everything runs. None of its figures means anything.\n\n');
  const { question } = await load();
  await question({ quick, parts });
  return 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.exitCode = await run(process.argv.slice(2));
