import type { LimitsSection } from '../api/limits.ts';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import type { RolePeer } from '../distribution/control.ts';
import {
  concurrencyRulesOf,
  createLeaseBroker,
  createQuotas,
  createSlotBroker,
  defaultLimitsOptions,
  type QuotaUse,
  type SharedLink,
  tokenRulesOf,
} from '../limits/control.ts';
import type { Store } from '../storage/index.ts';

/** The brokers of the limits that the gateway workers share; quotas are kept in the store. */
export interface LimitsBroker extends Stoppable {
  configure(section: LimitsSection): void;
  join(peer: RolePeer): void;
  leave(peer: RolePeer): void;
  receive(peer: RolePeer, body: unknown): void;
}

const prefix = 'limits/quota/';

export async function createLimitsBroker(
  clock: Clock,
  store: Store,
  log: Logger,
  shared?: SharedLink,
): Promise<LimitsBroker> {
  // Hosts that share a quota must agree when its day ends: the time is that of the counters.
  const agreed: Clock = {
    now: () => clock.now() + (shared?.offsetMs ?? 0),
    monotonic: () => clock.monotonic(),
    after: (delayMs, task) => clock.after(delayMs, task),
    every: (periodMs, task) => clock.every(periodMs, task),
  };
  const quotas = createQuotas({ clock: agreed, maxKeys: defaultLimitsOptions.maxKeys, state: quotaState(store) });
  await quotas.restore();
  const broker = createLeaseBroker({
    clock,
    quotas,
    ...(shared === undefined ? {} : { shared }),
    onSaveFailure: (error) => log.error({ error: messageOf(error) }, 'a quota could not be kept'),
  });
  const slots = createSlotBroker({ clock, ...(shared === undefined ? {} : { shared }) });
  // The nonce of its connection tells one life of a worker from the next.
  const idOf = ({ name, nonce }: RolePeer): string => `${name}/${nonce}`;
  return {
    configure: (section) => {
      broker.configure(tokenRulesOf(section));
      slots.configure(concurrencyRulesOf(section));
    },
    join: (peer) => {
      for (const each of [broker, slots]) each.join(idOf(peer), (body) => peer.send({ type: 'lease', body }));
    },
    leave: (peer) => {
      for (const each of [broker, slots]) each.leave(idOf(peer));
    },
    // Each takes what is meant for it.
    receive: (peer, body) => {
      for (const each of [broker, slots]) each.receive(idOf(peer), body);
    },
    stop: async () => {
      broker.stop();
      slots.stop();
      await shared?.stop();
    },
  };
}

function quotaState(store: Store): {
  load(): Promise<readonly QuotaUse[]>;
  save(uses: readonly QuotaUse[]): Promise<void>;
} {
  const keyOf = ({ quota, key, periodStartMs }: QuotaUse): string =>
    prefix + Buffer.from(`${quota}\n${key}\n${periodStartMs}`).toString('base64url');
  return {
    load: async () => {
      const uses: QuotaUse[] = [];
      for (let after: string | undefined; ; ) {
        const page = await store.list(prefix, after === undefined ? {} : { after });
        uses.push(...page.map(({ value }) => JSON.parse(Buffer.from(value).toString()) as QuotaUse));
        after = page.at(-1)?.key;
        if (after === undefined) return uses;
      }
    },
    save: (uses) =>
      store.write(
        uses.map((use) => ({ put: keyOf(use), value: Buffer.from(JSON.stringify(use)), expiresAtMs: use.periodEndMs })),
      ),
  };
}
