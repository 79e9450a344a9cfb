import type { Command } from 'commander';
import { systemClock } from '../core/clock.ts';
import { exitCodes } from '../core/errors.ts';
import { formatProblems, loadManifest } from '../manifest/index.ts';
import { up } from '../server/up.ts';
import { createLogStream } from '../supervisor/index.ts';
import { formatFirstScreen } from './first-screen.ts';
import { type CommonOptions, layoutOf, withLogLevel, withState } from './options.ts';
import { runUntilSignal } from './signals.ts';
import { exitCodeOf, printError, terminalWidth, wantsColour } from './terminal.ts';

interface UpCommandOptions extends CommonOptions {
  readonly json?: boolean;
}

export function describe(command: Command): void {
  withLogLevel(withState(command), 'warn')
    .option('--json', 'logs as JSON lines')
    .addHelpText('after', '\nExamples:\n  merlon up\n  merlon up --manifest examples/shop/merlon.yaml')
    .action(run);
}

async function run(options: UpCommandOptions): Promise<void> {
  const startedMs = systemClock.monotonic();
  const colour = wantsColour();
  const layout = layoutOf(options);
  const { manifest, warnings } = loadManifest(options.manifest);
  if (options.json !== true) process.stdout.write(formatProblems(warnings, { color: colour }));
  const logs = createLogStream({ write: (text) => process.stdout.write(text), colour, json: options.json === true });
  await runUntilSignal(async (interrupted) => {
    const platform = await up({
      manifest,
      manifestPath: options.manifest,
      layout,
      clock: systemClock,
      logs,
      logLevel: options.logLevel,
      interrupted,
    });
    const readyMs = systemClock.monotonic() - startedMs;
    if (options.json !== true)
      process.stdout.write(
        formatFirstScreen({
          manifest,
          manifestPath: options.manifest,
          layout,
          readyMs,
          colour,
          width: terminalWidth(),
        }),
      );
    void platform.failed.then(async (error) => {
      await printError(error);
      await platform.stop();
      process.exit(exitCodeOf(error) || exitCodes.failed);
    });
    return platform;
  });
}
