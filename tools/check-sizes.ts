// File and function budgets (CONTRIBUTING.md): a file that outgrows 400 lines, or a function that outgrows 50,
// is asked to become two. An exemption needs a reason.
import { globSync, readFileSync } from 'node:fs';

const maxFileLines = 400;
const exemptions: Readonly<Record<string, string>> = {};

const tooLong = globSync('{src,tools}/**/*.ts')
  .filter((file) => !file.endsWith('.test.ts') && exemptions[file] === undefined)
  .map((file) => ({ file, lines: readFileSync(file, 'utf8').split('\n').length - 1 }))
  .filter(({ lines }) => lines > maxFileLines);

for (const { file, lines } of tooLong) process.stderr.write(`${file}: ${lines} lines, the budget is ${maxFileLines}\n`);
process.exitCode = tooLong.length > 0 ? 1 : 0;
