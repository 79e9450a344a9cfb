import { MessageChannel } from 'node:worker_threads';
import { exitCodes } from '../core/errors.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import { exitCodeOf, printError } from './terminal.ts';

/**
 * Starts a role and stops it when the process is told to end. A second signal does not wait. `start` is given a promise
 * that settles with the first signal, for what takes long to start: it may give up then.
 */
export async function runUntilSignal(start: (interrupted: Promise<void>) => Promise<Stoppable>): Promise<void> {
  const signalled = firstSignal();
  const role = await startHeld(() => start(signalled));
  await signalled;
  await role.stop().catch(async (error: unknown) => {
    await printError(error);
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

function firstSignal(): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      process.once('SIGINT', leave);
      process.once('SIGTERM', leave);
      resolve();
    };
    process.once('SIGINT', end);
    process.once('SIGTERM', end);
  });
}

function leave(): void {
  process.exit(exitCodes.failed);
}
