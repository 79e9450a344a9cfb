// Holds the import table of .dependency-cruiser.cjs against the code, and asserts that the cruiser really
// saw the modules: without a parser that reads this TypeScript it cruises nothing and reports success.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';

interface Report {
  summary: { violations: { rule: { name: string }; from: string; to: string }[]; totalCruised: number };
}

const sources = globSync('src/**/*.ts').length;
const run = spawnSync('depcruise', ['src', '--config', '.dependency-cruiser.cjs', '--output-type', 'json'], {
  encoding: 'utf8',
  maxBuffer: 1 << 28,
});
if (!run.stdout.startsWith('{')) throw new Error(`dependency-cruiser did not answer: ${run.stderr}`);
const { summary } = JSON.parse(run.stdout) as Report;

for (const { rule, from, to } of summary.violations) process.stderr.write(`${rule.name}: ${from} -> ${to}\n`);
if (summary.totalCruised < sources) {
  process.stderr.write(`saw ${summary.totalCruised} modules where src/ holds ${sources}\n`);
  process.exitCode = 1;
} else if (summary.violations.length > 0) {
  process.exitCode = 1;
} else {
  process.stdout.write(`${summary.totalCruised} modules, no forbidden import\n`);
}
