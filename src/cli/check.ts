import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { systemClock } from '../core/clock.ts';
import { exitCodes, hasCode } from '../core/errors.ts';
import { loadManifest } from '../manifest/index.ts';
import { check, checkMarkdown, formatCheck, type RunningFacts, readProject } from '../prove/index.ts';
import { createAdminClient } from './admin-client.ts';
import { type CommonOptions, layoutOf, withState } from './options.ts';
import { wantsColour } from './terminal.ts';

interface CheckCommandOptions extends CommonOptions {
  readonly json?: boolean;
  readonly markdown?: string;
  readonly strict?: boolean;
  readonly evidence?: boolean;
}

export function describe(command: Command): void {
  withState(command)
    .option('--evidence', 'also show what each item was judged by')
    .option('--markdown <file>', 'write a report')
    .option('--json', 'as JSON')
    .option('--strict', 'fail where an item is not met')
    .addHelpText('after', help)
    .action(run);
}

const help = `
Judges twelve items by the manifest, by the files of the project (CI pipelines, images, lock files, plans), and by the
platform while it runs. What was not found counts as missing.

Examples:
  merlon check
  merlon check --evidence
  merlon check --strict --markdown checklist.md`;

async function run(options: CheckCommandOptions): Promise<void> {
  const { manifest } = loadManifest(options.manifest);
  const running = await askControl(options);
  const nowMs = systemClock.now();
  const report = check({
    manifest,
    files: readProject(options.manifest),
    running,
    nowMs,
    isRoot: process.getuid?.() === 0,
  });
  if (options.markdown !== undefined)
    writeFileSync(options.markdown, checkMarkdown(report, manifest.trustDomain, nowMs));
  if (options.json === true) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else {
    process.stdout.write(formatCheck(report, { colour: wantsColour(), evidence: options.evidence === true }));
    if (running === undefined) process.stderr.write('the platform does not run here: judged by files alone\n');
  }
  if (options.strict === true && report.tally['not-met'] > 0) process.exitCode = exitCodes.failed;
}

/** What the running platform says of itself; undefined where none runs on the state folder. */
async function askControl(options: CheckCommandOptions): Promise<RunningFacts | undefined> {
  try {
    return await createAdminClient(layoutOf(options)).call<RunningFacts>('GET', '/admin/status');
  } catch (error) {
    if (hasCode(error, 'control.unavailable')) return undefined;
    throw error;
  }
}
