import type { FromRole } from '../api/channel.ts';
import type { Clock } from '../core/clock.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import type { EndpointReport } from '../openapi/index.ts';

const periodMs = 2000;
// What one message may hold; the rest goes with the next.
const perMessage = 500;

/** Brings what a worker has counted to control, now and then. While control is away the worker goes on counting. */
export function createEndpointShipper(
  report: EndpointReport,
  clock: Clock,
  isOpen: () => boolean,
  send: (message: FromRole) => void,
): Stoppable {
  const ship = (): void => {
    if (report.isEmpty || !isOpen()) return;
    const { endpoints, overflow } = report.findings();
    report.clear();
    for (let at = 0; at === 0 || at < endpoints.length; at += perMessage)
      send({ type: 'endpoints', endpoints: endpoints.slice(at, at + perMessage), overflow: at === 0 ? overflow : 0 });
  };
  const timer = clock.every(periodMs, ship);
  return {
    stop: async () => {
      timer.cancel();
      ship();
    },
  };
}
