import { noWeaknesses } from '../api/protections.ts';
import type { Clock } from '../core/clock.ts';
import { Lifecycle } from '../core/lifecycle.ts';
import { silentLogger } from '../core/log.ts';
import type { OperatorSecrets } from '../secrets/index.ts';
import { openFoundation } from './control-foundation.ts';
import { checkNotInUse, prepareState, type StateLayout } from './state.ts';

/** Where, when and for whom. */
export interface OfflineOptions {
  readonly layout: StateLayout;
  readonly clock: Clock;
  readonly trustDomain: string;
}

/**
 * Works on the secrets of a platform that is not running, as before its first start, when a service may need one that is not
 * there. Everything is recorded in the ledger all the same. Throws `state.in-use` where control runs.
 */
export async function withOfflineSecrets<T>(
  { layout, clock, trustDomain }: OfflineOptions,
  task: (secrets: OperatorSecrets) => Promise<T>,
): Promise<T> {
  prepareState(layout);
  await checkNotInUse(layout);
  const lifecycle = new Lifecycle();
  try {
    const foundation = await openFoundation(
      { layout, clock, log: silentLogger, trustDomain, weaknesses: noWeaknesses },
      lifecycle,
    );
    return await task(foundation.secrets.asOperator({ kind: 'operator', id: 'state-folder' }));
  } finally {
    await lifecycle.stop();
  }
}
