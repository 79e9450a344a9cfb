import { type LimitCheck, mergeLimitFields } from '../../limits/index.ts';
import type { Exchange, Outcome } from '../exchange.ts';
import type { CompileFilter } from './filter.ts';

/** The gateway's own limit per client address, before anyone is authenticated. */
export const limitsByIp: CompileFilter = ({ limits, clock, snapshot }) => {
  if (snapshot.limits.gateway.length === 0) return undefined;
  return (exchange) => {
    const check = limits.checkIp(exchange.request.client.address, clock.monotonic());
    return check instanceof Promise ? check.then((late) => settle(exchange, late)) : settle(exchange, check);
  };
};

/** Tells the caller where they stand, and refuses where the limit does. */
export function settle(exchange: Exchange, { denial, fields }: LimitCheck): Outcome | undefined {
  if (denial !== undefined) return denial;
  exchange.limitFields = mergeLimitFields(exchange.limitFields, fields);
  return undefined;
}
