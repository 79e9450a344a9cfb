import type { Command } from 'commander';
import { noWeaknesses } from '../api/protections.ts';
import { systemClock } from '../core/clock.ts';
import { startControlRole } from '../server/control-role.ts';
import { type CommonOptions, layoutOf, roleLogger, withLogLevel, withState } from './options.ts';
import { runUntilSignal } from './signals.ts';

export function describe(command: Command): void {
  withLogLevel(withState(command))
    .addHelpText('after', '\nExample:\n  merlon control --manifest merlon.yaml --state /var/lib/merlon')
    .action((options: CommonOptions) =>
      runUntilSignal(() =>
        startControlRole({
          manifestPath: options.manifest,
          layout: layoutOf(options),
          clock: systemClock,
          log: roleLogger('control', options),
          weaknesses: noWeaknesses,
          run: process.env.MERLON_RUN,
        }),
      ),
    );
}
