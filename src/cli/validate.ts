import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { systemClock } from '../core/clock.ts';
import { MerlonError } from '../core/errors.ts';
import { formatProblems, type LoadedManifest, loadManifest, ManifestError } from '../manifest/index.ts';
import { checkWafRules } from '../server/waf-check.ts';
import { type CommonOptions, withManifest } from './options.ts';
import { paint, wantsColour } from './terminal.ts';

export function describe(command: Command): void {
  withManifest(command)
    .option('--json', 'problems as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  merlon validate\n  merlon validate --manifest examples/shop/merlon.yaml --json | jq .',
    )
    .action((options: CommonOptions & { json?: boolean }) => validate(options.manifest, options.json === true));
}

async function validate(path: string, json: boolean): Promise<void> {
  const { manifest, warnings, rules } = await (json ? loadForJson(path) : load(path));
  if (json)
    return void process.stdout.write(`${JSON.stringify({ valid: true, problems: warnings, rules }, null, 2)}\n`);
  process.stdout.write(formatProblems(warnings, { color: wantsColour() }));
  for (const note of rules) process.stdout.write(`${paint('yellow', 'note')} ${note}\n`);
  const services = Object.keys(manifest.services).length;
  const notes = warnings.length === 0 ? '' : `, ${warnings.length} to look at`;
  process.stdout.write(
    `${paint('green', 'valid')} ${path}: ${services} services, ${manifest.routes.length} routes${notes}\n`,
  );
}

/** The manifest, and the rules of the WAF that it names: whatever is wrong with them is wrong with it. */
async function load(path: string): Promise<LoadedManifest & { readonly rules: readonly string[] }> {
  const loaded = loadManifest(path, { nowMs: systemClock.now() });
  const warnings = await checkWafRules(loaded.manifest, dirname(resolve(path)), systemClock);
  return { ...loaded, rules: warnings };
}

/** What is wrong with it goes to standard output too: that is where a program looks. */
async function loadForJson(path: string): ReturnType<typeof load> {
  try {
    return await load(path);
  } catch (error) {
    if (error instanceof MerlonError) {
      const { code, message, hint } = error;
      const problems = error instanceof ManifestError ? error.problems : [{ severity: 'error', code, message, hint }];
      process.stdout.write(`${JSON.stringify({ valid: false, problems }, null, 2)}\n`);
    }
    throw error;
  }
}
