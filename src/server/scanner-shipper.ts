import type { FromRole } from '../api/channel.ts';
import type { Clock } from '../core/clock.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import type { Gateway } from '../gateway/index.ts';

const periodMs = 500;

/** Tells the other workers of this host, through control, what this one has seen of scanners. While control is away each counts for itself. */
export function createScannerShipper(
  gateway: Pick<Gateway, 'scanners'>,
  clock: Clock,
  isOpen: () => boolean,
  send: (message: FromRole) => void,
): Stoppable {
  const timer = clock.every(periodMs, () => {
    if (!isOpen()) return;
    const news = gateway.scanners.takeNews();
    if (news.length > 0) send({ type: 'scanners', news });
  });
  return { stop: async () => timer.cancel() };
}
