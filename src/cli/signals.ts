import { MessageChannel } from 'node:worker_threads';
import { exitCodes } from '../core/errors.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import { exitCodeOf, printError } from './terminal.ts';

/** Starts a role and stops it when the process is told to end. A second signal does not wait. */
export async function runUntilSignal(start: () => Promise<Stoppable>): Promise<void> {
  const role = await startHeld(start);
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

/** A role that waits, for control or for another process to end, has nothing open that keeps this one alive. */
async function startHeld(start: () => Promise<Stoppable>): Promise<Stoppable> {
  const { port1: hold } = new MessageChannel();
  hold.on('message', () => undefined);
  try {
    return await start();
  } catch (error) {
    hold.close();
    throw error;
  }
}

function leave(): void {
  process.exit(exitCodes.failed);
}
