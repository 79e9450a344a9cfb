import type { AcmeConfig, AcmeFetch } from '../control/index.ts';
import type { Clock } from '../core/clock.ts';
import { createUpstream } from '../net/index.ts';

// A chain of certificates is a few KiB.
const maxBytes = 256 * 1024;
const timeoutMs = 20_000;
const userAgent = 'merlon';

/** Speaks with a certificate authority: HTTPS alone, its certificate verified, answers bounded. A connection for each request, since there are few. */
export function createAcmeFetch(clock: Clock, { ca }: Pick<AcmeConfig, 'ca'>): AcmeFetch {
  return async ({ method, url, headers, body }) => {
    const { protocol, hostname, port, host, pathname, search } = new URL(url);
    if (protocol !== 'https:') throw new Error('the URL is not https');
    const endpoint = { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 443 : Number(port) };
    const tls = ca === undefined ? {} : { ca: () => ca };
    const upstream = createUpstream({ name: 'acme', clock, endpoints: [endpoint], tls });
    try {
      const response = await upstream.fetch({
        method,
        path: `${pathname}${search}`,
        headers: { ...headers, host, 'user-agent': userAgent },
        maxBytes,
        timeoutMs,
        ...(body === undefined ? {} : { body }),
      });
      return {
        status: response.status,
        header: (name) => response.headers.get(name),
        body: response.body.toString('utf8'),
      };
    } finally {
      await upstream.stop();
    }
  };
}
