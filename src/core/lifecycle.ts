/** Something that was started and must be stopped. */
export interface Stoppable {
  /** Takes no new work, lets the running work end, then releases everything. May be called twice. */
  stop(): Promise<void>;
}

/**
 * What has been started so far, in order. When a later step fails, or at the end, `stop` takes all of it down in
 * reverse, so that nothing is left half-started.
 */
export class Lifecycle implements Stoppable {
  readonly #started: Stoppable[] = [];
  #stopping: Promise<void> | undefined;

  /** Remembers `part` for `stop`, and gives it back. */
  add<T extends Stoppable>(part: T): T {
    this.#started.push(part);
    return part;
  }

  /** Remembers a bare action for `stop`. */
  defer(stop: () => void | Promise<void>): void {
    this.#started.push({ stop: async () => stop() });
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<void> {
    const failures: unknown[] = [];
    for (const part of this.#started.reverse()) {
      await part.stop().catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw new AggregateError(failures, 'some parts did not stop cleanly');
  }
}
