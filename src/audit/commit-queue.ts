import { AuditError } from './errors.ts';
import type { Encoded } from './segment-writer.ts';

/** Gathers what arrives while the disk is busy, and commits it together: one sync for all that wait. */
export interface CommitQueue {
  /** Resolves with how many of `records` were added, once they are committed. */
  push(records: readonly Encoded[]): Promise<number>;
  /** Runs `task` between two commits. */
  between<T>(task: () => Promise<T>): Promise<T>;
  /** Resolves when nothing waits. */
  idle(): Promise<void>;
}

interface Waiting {
  readonly records: readonly Encoded[];
  readonly resolve: (added: number) => void;
  readonly reject: (error: unknown) => void;
}

const maxBatch = 5_000;

/** A queue in front of `commit`, which gives those records that it added. At most `maxPending` records wait. */
export function createCommitQueue(
  commit: (batch: readonly Encoded[]) => Promise<ReadonlySet<Encoded>>,
  maxPending: number,
): CommitQueue {
  let waiting: Waiting[] = [];
  let pending = 0;
  let turn: Promise<unknown> = Promise.resolve();

  const between = <T>(task: () => Promise<T>): Promise<T> => {
    const done = turn.then(task);
    turn = done.catch(() => undefined);
    return done;
  };

  const take = (): Waiting[] => {
    let count = 0;
    const until = waiting.findIndex(({ records }) => (count += records.length) >= maxBatch);
    const taken = until < 0 ? waiting : waiting.slice(0, until + 1);
    waiting = until < 0 ? [] : waiting.slice(until + 1);
    return taken;
  };

  const drain = async (): Promise<void> => {
    const batch = take();
    const records = batch.flatMap((one) => one.records);
    try {
      const added = await commit(records);
      for (const one of batch) one.resolve(one.records.filter((record) => added.has(record)).length);
    } catch (error) {
      for (const one of batch) one.reject(error);
    }
    pending -= records.length;
    if (waiting.length > 0) void between(drain);
  };

  return {
    push(records) {
      if (pending + records.length > maxPending) return Promise.reject(overloaded(maxPending));
      pending += records.length;
      return new Promise((resolve, reject) => {
        waiting.push({ records, resolve, reject });
        if (waiting.length === 1) void between(drain);
      });
    },
    between,
    async idle() {
      while (pending > 0) await turn;
    },
  };
}

function overloaded(maxPending: number): AuditError {
  return new AuditError({
    code: 'ledger.overloaded',
    message: `more than ${maxPending} records wait for the disk`,
    hint: 'send them again later',
  });
}
