import type { Command } from 'commander';
import { noWeaknesses } from '../api/protections.ts';
import { systemClock } from '../core/clock.ts';
import { startGatewayRole } from '../server/gateway-role.ts';
import { type CommonOptions, layoutOf, roleLogger, withLogLevel, withState } from './options.ts';
import { runUntilSignal } from './signals.ts';

export function describe(command: Command): void {
  withLogLevel(withState(command))
    .option('--name <worker>', 'which worker this is, from 1', '1')
    .option('--listen-fd <numbers>', 'descriptors of a listening socket that was handed over', numbersOf)
    .option('--redirect-fd <numbers>', 'as --listen-fd, for the plain port', numbersOf)
    .addHelpText('after', '\nExample:\n  merlon gateway --state /var/lib/merlon --name 1')
    .action((options: CommonOptions & { name: string; listenFd?: number[]; redirectFd?: number[] }) =>
      runUntilSignal(() =>
        startGatewayRole({
          layout: layoutOf(options),
          name: options.name,
          listenFds: options.listenFd,
          redirectFds: options.redirectFd,
          clock: systemClock,
          log: roleLogger('gateway', options),
          weaknesses: noWeaknesses,
        }),
      ),
    );
}

const numbersOf = (text: string): number[] => text.split(',').map(Number);
