import type { Denial } from '../../api/record.ts';
import type { ScannerWatch, Suspicion } from '../scanner-watch.ts';
import type { CompileFilter } from './filter.ts';

/** `gateway.scanners`: an address that behaves like a scanner keeps a few requests, and gets the rest back with time. */
export const scanners: CompileFilter = ({ scanners: watch, clock, weaknesses }) => {
  if (watch === undefined || weaknesses.has('scanner.throttle')) return undefined;
  const reports = watch.rules.mode === 'report';
  return (exchange) => {
    const { request } = exchange;
    const { address } = request.client;
    const visit = { address, path: request.path, userAgent: request.headers.get('user-agent') };
    const suspicion = watch.check(visit, clock.monotonic());
    if (suspicion === undefined || (suspicion.retryAfterSeconds === 0 && !reports)) return undefined;
    const denial = refuse(watch, suspicion, address);
    if (!reports) return denial;
    (exchange.reports ??= []).push(denial);
    return undefined;
  };
};

function refuse({ rules }: ScannerWatch, { because, retryAfterSeconds }: Suspicion, address: string): Denial {
  return {
    status: 429,
    headers: { 'retry-after': String(Math.max(1, retryAfterSeconds)) },
    reason: {
      filter: 'scanners',
      code: 'gateway.scanner',
      message: 'this address behaves like a scanner: slow down',
      rule: `gateway.scanners.rate ${rules.rate}`,
      clause: because,
      claim: 'client address',
      actual: address,
      fixes: [
        'wait: what is held against an address halves with time',
        'add its network to `gateway.scanners.friendly`, if it means well',
      ],
    },
  };
}
