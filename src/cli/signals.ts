import { MessageChannel } from 'node:worker_threads';
import { exitCodes } from '../core/errors.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import { exitCodeOf, printError } from './terminal.ts';

/** Starts a role and stops it when the process is told to end. A second signal does not wait. */
export async function runUntilSignal(start: () => Promise<Stoppable>): Promise<void> {
  const role = await start();
  // A role that waits for control has nothing open that keeps the process alive.
  new MessageChannel().port1.on('message', () => undefined);
  await new Promise<void>((resolve) => {
    const end = (): void => {
      process.once('SIGINT', leave);
      process.once('SIGTERM', leave);
      resolve();
    };
    process.once('SIGINT', end);
    process.once('SIGTERM', end);
  });
  await role.stop().catch((error: unknown) => {
    printError(error);
    process.exitCode = exitCodeOf(error);
  });
  process.exit(process.exitCode ?? exitCodes.ok);
}

function leave(): void {
  process.exit(exitCodes.failed);
}
