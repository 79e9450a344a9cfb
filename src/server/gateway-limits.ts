import type { LimitsSection, ToWorker } from '../api/limits.ts';
import type { Weaknesses } from '../api/protections.ts';
import type { Clock } from '../core/clock.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import {
  type CompiledLimits,
  compileLimits,
  createConcurrencyLimiter,
  createLeasedLimiter,
  type LeasedLimiter,
  type SendToBroker,
  tokenRulesOf,
} from '../limits/index.ts';

/**
 * The limits of one worker. It spends slices that control's broker hands out, so that all workers together admit what
 * the manifest says and no more; counts go on from one snapshot to the next.
 */
export interface GatewayLimits extends Stoppable {
  compile(section: LimitsSection, workers: number): CompiledLimits;
  receive(message: ToWorker): void;
}

export function createGatewayLimits(
  worker: number,
  clock: Clock,
  weaknesses: Weaknesses,
  send: SendToBroker,
): GatewayLimits {
  const concurrency = createConcurrencyLimiter();
  let limiter: LeasedLimiter | undefined;
  let sharing = 0;
  return {
    compile: (section, workers) => {
      if (sharing !== workers) limiter?.stop();
      if (limiter === undefined || sharing !== workers) limiter = createLeasedLimiter({ clock, workers, send });
      sharing = workers;
      limiter.configure(tokenRulesOf(section));
      return compileLimits({ section, limiter, concurrency, workers, worker, off: weaknesses });
    },
    receive: (message) => limiter?.receive(message),
    stop: async () => limiter?.stop(),
  };
}
