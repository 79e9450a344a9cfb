/** A cancellable timer. */
export interface Timer {
  cancel(): void;
}

/**
 * The only source of time. Nothing outside this file reads the system's clock or sets a timer, so that a test can
 * live through a year of rotations in a second.
 */
export interface Clock {
  /** Wall-clock time in milliseconds since the Unix epoch. */
  now(): number;
  /** Monotonic time in milliseconds, for measuring spans; its origin means nothing. */
  monotonic(): number;
  /** Runs `task` once after `delayMs`. The timer does not keep the process alive. */
  after(delayMs: number, task: () => void): Timer;
  /** Runs `task` each `periodMs` until cancelled. The timer does not keep the process alive. */
  every(periodMs: number, task: () => void): Timer;
}

// Node clamps longer delays to 1 ms; such a timer is re-armed in steps instead.
const longestDelayMs = 0x7fffffff;

function after(delayMs: number, task: () => void): Timer {
  let handle: NodeJS.Timeout;
  const arm = (leftMs: number): void => {
    const stepMs = Math.min(leftMs, longestDelayMs);
    handle = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : task()), stepMs);
    handle.unref();
  };
  arm(Math.max(0, delayMs));
  return { cancel: () => clearTimeout(handle) };
}

function every(periodMs: number, task: () => void): Timer {
  const handle = setInterval(task, periodMs);
  handle.unref();
  return { cancel: () => clearInterval(handle) };
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after,
  every,
};

/**
 * Runs `task` once after `delayMs`, for which an answer is waited for; a process that stands still meanwhile has not waited. When it
 * goes on its timers come due before it has read, or even sent, anything: so half of the time runs after the first half has
 * been seen to end, and what has arrived by the end is read first.
 */
export function deadline(clock: Clock, delayMs: number, task: () => void): Timer {
  let turn: NodeJS.Immediate | undefined;
  let timer = clock.after(delayMs / 2, () => {
    timer = clock.after(delayMs / 2, () => {
      turn = setImmediate(task);
    });
  });
  return {
    cancel: () => {
      timer.cancel();
      clearImmediate(turn);
    },
  };
}

/** Resolves after `delayMs` of `clock`. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });
}
