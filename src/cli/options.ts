import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { MerlonError } from '../core/errors.ts';
import { createLogger, type Logger } from '../core/log.ts';
import { type StateLayout, stateLayout } from '../server/state.ts';

/** Options that many commands share. */
export interface CommonOptions {
  readonly manifest: string;
  readonly state?: string;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

/** `--manifest`. */
export function withManifest(command: Command): Command {
  return command.option('-m, --manifest <file>', 'the manifest', 'merlon.yaml');
}

/** `--state`, by default `.merlon` beside the manifest. */
export function withState(command: Command): Command {
  return withManifest(command).option(
    '-s, --state <folder>',
    'the state folder (default: .merlon beside the manifest)',
  );
}

const levels = ['debug', 'info', 'warn', 'error'] as const;

/** `--log-level`. */
export function withLogLevel(command: Command, level: (typeof levels)[number] = 'info'): Command {
  return command.option(
    '--log-level <level>',
    `how much to say: ${levels.join(', ')}`,
    (value) => {
      if ((levels as readonly string[]).includes(value)) return value;
      throw new MerlonError({
        code: 'input.log-level',
        message: `\`${value}\` is not a log level`,
        hint: `choose one of ${levels.join(', ')}`,
      });
    },
    level,
  );
}

/** Where the state lies. */
export function layoutOf({ manifest, state }: Pick<CommonOptions, 'manifest' | 'state'>): StateLayout {
  return stateLayout(state ?? join(dirname(resolve(manifest)), '.merlon'));
}

/** The logger of a role. */
export function roleLogger(name: string, { logLevel }: Pick<CommonOptions, 'logLevel'>): Logger {
  return createLogger({ name, level: logLevel });
}
