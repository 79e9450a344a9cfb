import type { Command } from 'commander';
import { noWeaknesses } from '../api/protections.ts';
import { systemClock } from '../core/clock.ts';
import { startAgentRole } from '../server/agent-role.ts';
import { type CommonOptions, layoutOf, roleLogger, withLogLevel, withState } from './options.ts';
import { runUntilSignal } from './signals.ts';

export function describe(command: Command): void {
  withLogLevel(withState(command))
    .option('--name <instance>', 'which agent this is', '1')
    .addHelpText('after', '\nExample:\n  merlon agent --state /var/lib/merlon')
    .action((options: CommonOptions & { name: string }) =>
      runUntilSignal(() =>
        startAgentRole({
          layout: layoutOf(options),
          name: options.name,
          clock: systemClock,
          log: roleLogger('agent', options),
          weaknesses: noWeaknesses,
        }),
      ),
    );
}
