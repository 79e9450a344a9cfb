import { request as plainRequest } from 'node:http';
import { request } from 'node:https';
import { MerlonError, systemCode } from '../core/errors.ts';
import type { Fetch } from '../oidc/index.ts';

const timeoutMs = 30_000;

/** A `fetch` that trusts `ca` (PEM) beside the machine's roots, and follows no redirect. */
export function createFetch(ca: string | undefined): Fetch {
  return (url, { method, headers, body }) =>
    new Promise((resolve, reject) => {
      const send = url.startsWith('https:') ? request : plainRequest;
      const call = send(
        url,
        {
          method,
          headers: { ...headers, ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }) },
          timeout: timeoutMs,
          agent: false,
          ...(ca === undefined ? {} : { ca }),
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (text += chunk));
          response.on('error', reject);
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: {
                get: (name) => headerText(response.headers[name.toLowerCase()]),
                getSetCookie: () => response.headers['set-cookie'] ?? [],
              },
              text: async () => text,
            }),
          );
        },
      );
      call.on('timeout', () => call.destroy(new Error('no answer in time')));
      const away = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT'];
      call.on('error', (error) => reject(away.includes(systemCode(error) ?? '') ? notThere(url) : error));
      call.end(body);
    });
}

function headerText(value: string | string[] | undefined): string | null {
  if (value === undefined) return null;
  return typeof value === 'string' ? value : value.join(', ');
}

function notThere(url: string): MerlonError {
  return new MerlonError({
    code: 'gateway.unavailable',
    message: `nothing answers at \`${new URL(url).origin}\``,
    hint: 'start the platform with `merlon up`',
  });
}
