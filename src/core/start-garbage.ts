let collected = false;

/**
 * Gives back, once, what the start of this process has left behind: texts that were parsed, code that ran once. V8 keeps such pages for
 * as long as nobody needs them, a third of what an idle gateway holds, and gives them back after a collection of last resort alone. It pauses the process for some 50 ms, so it is called where
 * nobody waits yet. Without Node's `--expose-gc` it does nothing.
 */
export function collectStartGarbage(): void {
  if (collected) return;
  collected = true;
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
