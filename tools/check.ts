// `npm run check`: what CI does, one verb after the other, stopping at nothing so that every complaint is seen at once.
import { spawnSync } from 'node:child_process';

const steps: readonly [name: string, command: string][] = [
  ['types', 'tsc --noEmit'],
  ['lint', 'biome check .'],
  ['imports', 'node tools/check-imports.ts'],
  ['sizes', 'node tools/check-sizes.ts'],
  ['tests', 'vitest run'],
];

const failed = steps.filter(([name, command]) => {
  process.stdout.write(`\n== ${name}: ${command}\n`);
  return spawnSync(command, { shell: true, stdio: 'inherit' }).status !== 0;
});

if (failed.length > 0) {
  process.stderr.write(`\nfailed: ${failed.map(([name]) => name).join(', ')}\n`);
  process.exitCode = 1;
}
