import { statSync, watch } from 'node:fs';
import type { Clock, Timer } from '../core/clock.ts';
import type { Stoppable } from '../core/lifecycle.ts';

const settleMs = 150;
const pollMs = 2000;

/**
 * Calls `onChange` after any of `paths` (files or folders) has changed and a moment of quiet has passed: editors write
 * a file in several steps. Besides the kernel's notices it looks every two seconds, since network file systems send none.
 */
export function watchPaths(paths: () => readonly string[], clock: Clock, onChange: () => void): Stoppable {
  let fingerprint = fingerprintOf(paths());
  let quiet: Timer | undefined;
  let watchers: { close(): void }[] = [];

  const look = (): void => {
    const next = fingerprintOf(paths());
    if (next === fingerprint) return;
    fingerprint = next;
    rearm();
    onChange();
  };
  const noticed = (): void => {
    quiet?.cancel();
    quiet = clock.after(settleMs, look);
  };
  const rearm = (): void => {
    for (const watcher of watchers) watcher.close();
    watchers = paths().flatMap((path) => tryWatch(path, noticed));
  };
  rearm();
  const poll = clock.every(pollMs, look);
  return {
    stop: async () => {
      poll.cancel();
      quiet?.cancel();
      for (const watcher of watchers) watcher.close();
    },
  };
}

function tryWatch(path: string, onNotice: () => void): { close(): void }[] {
  try {
    const watcher = watch(path, { persistent: false }, onNotice);
    watcher.on('error', () => watcher.close());
    return [watcher];
  } catch {
    return [];
  }
}

function fingerprintOf(paths: readonly string[]): string {
  return paths.map((path) => `${path}:${stampOf(path)}`).join('\n');
}

function stampOf(path: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(path);
    return `${mtimeMs}:${size}:${ino}`;
  } catch {
    return 'missing';
  }
}
