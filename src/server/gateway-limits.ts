import type { LimitsSection, ToBroker, ToSlotBroker, ToSlotWorker, ToWorker } from '../api/limits.ts';
import type { Weaknesses } from '../api/protections.ts';
import type { Clock } from '../core/clock.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import {
  type CompiledLimits,
  compileLimits,
  concurrencyShare,
  createLeasedLimiter,
  createSlotLimiter,
  type LeasedLimiter,
  tokenRulesOf,
} from '../limits/index.ts';

/**
 * The limits of one worker. It spends slices and slots that control's brokers hand out, so that all workers together admit
 * what the manifest says and no more; counts go on from one snapshot to the next.
 */
export interface GatewayLimits extends Stoppable {
  compile(section: LimitsSection, workers: number): CompiledLimits;
  receive(message: ToWorker | ToSlotWorker): void;
  /** Control is there (again). */
  opened(): void;
}

export function createGatewayLimits(
  worker: number,
  clock: Clock,
  weaknesses: Weaknesses,
  send: (message: ToBroker | ToSlotBroker) => void,
): GatewayLimits {
  let limiter: LeasedLimiter | undefined;
  let sharing = 0;
  const share = (count: number): number => concurrencyShare(count, sharing, worker);
  const concurrency = createSlotLimiter({ clock, share, send });
  return {
    compile: (section, workers) => {
      if (sharing !== workers) limiter?.stop();
      if (limiter === undefined || sharing !== workers) limiter = createLeasedLimiter({ clock, workers, send });
      sharing = workers;
      limiter.configure(tokenRulesOf(section));
      return compileLimits({ section, limiter, concurrency, off: weaknesses });
    },
    receive: (message) => {
      if (isOfSlots(message)) concurrency.receive(message);
      else limiter?.receive(message);
    },
    opened: () => concurrency.rejoin(),
    stop: async () => {
      limiter?.stop();
      concurrency.stop();
    },
  };
}

function isOfSlots(message: ToWorker | ToSlotWorker): message is ToSlotWorker {
  return message.kind.startsWith('slot-');
}
