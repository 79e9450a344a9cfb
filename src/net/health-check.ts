import type { Clock, Timer } from '../core/clock.ts';
import type { EndpointPool } from './endpoint-pool.ts';
import type { HealthCheck } from './upstream-options.ts';

const defaultTimeoutMs = 2000;

/** Asks one endpoint; resolves to whether it answered well. Never rejects. */
export type Probe = (pool: EndpointPool, check: HealthCheck, timeoutMs: number) => Promise<boolean>;

interface Streak {
  failures: number;
  successes: number;
}

/** Checks every endpoint each `intervalMs` and keeps their `isHealthy`. The first check is made at once. */
export function startHealthChecks(
  check: HealthCheck,
  pools: () => readonly EndpointPool[],
  probe: Probe,
  clock: Clock,
  onChange: (pool: EndpointPool) => void,
): Timer {
  const streaks = new WeakMap<EndpointPool, Streak>();
  const checkOne = async (pool: EndpointPool): Promise<void> => {
    const isWell = await probe(pool, check, check.timeoutMs ?? defaultTimeoutMs);
    const streak = streaks.get(pool) ?? { failures: 0, successes: 0 };
    streaks.set(pool, streak);
    streak.failures = isWell ? 0 : streak.failures + 1;
    streak.successes = isWell ? streak.successes + 1 : 0;
    const next = pool.isHealthy ? streak.failures < (check.failures ?? 2) : streak.successes >= (check.successes ?? 1);
    if (next === pool.isHealthy) return;
    pool.isHealthy = next;
    onChange(pool);
  };
  const checkAll = (): void => {
    for (const pool of pools()) void checkOne(pool);
  };
  checkAll();
  return clock.every(check.intervalMs, checkAll);
}
