import { request } from 'node:https';
import { join } from 'node:path';
import type { AdminAddress } from '../api/admin.ts';
import { MerlonError, systemCode } from '../core/errors.ts';
import { tryReadPrivateText, tryReadText } from '../core/files.ts';
import type { StateLayout } from '../server/state.ts';

const timeoutMs = 30_000;

/** Talks to the admin API of the control plane that runs on this state folder. */
export interface AdminClient {
  readonly url: string;
  readonly token: string;
  /** Gives the answer's JSON. Throws `control.unavailable`, `admin.*`. */
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
}

/** Throws `control.unavailable` where no control plane has run here. */
export function createAdminClient(layout: StateLayout): AdminClient {
  const address = tryReadText(join(layout.run, 'admin.json'));
  const token = tryReadPrivateText(layout.adminToken);
  const ca = tryReadText(layout.caFile);
  if (address === undefined || token === undefined || ca === undefined) throw unavailable(layout);
  const { url } = JSON.parse(address) as AdminAddress;
  return {
    url,
    token,
    call: async (method, path, body) => {
      const { status, text } = await exchange({ url: url + path, method, token, ca, body }, layout);
      const answer: unknown = text === '' ? undefined : JSON.parse(text);
      if (status < 300) return answer as never;
      const { code = 'admin.failed', detail = `control answered ${status}` } = (answer ?? {}) as {
        code?: string;
        detail?: string;
      };
      throw new MerlonError({ code, message: detail });
    },
  };
}

interface Exchange {
  readonly url: string;
  readonly method: string;
  readonly token: string;
  readonly ca: string;
  readonly body: unknown;
}

function exchange(
  { url, method, token, ca, body }: Exchange,
  layout: StateLayout,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      authorization: `Bearer ${token}`,
      ...(payload === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
    };
    const call = request(url, { method, headers, ca, timeout: timeoutMs, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', (error) => reject(explained(error, layout)));
    });
    call.on('timeout', () => call.destroy(wentAway(layout)));
    call.on('error', (error) => reject(explained(error, layout)));
    call.end(payload);
  });
}

function explained(error: Error, layout: StateLayout): Error {
  const code = systemCode(error) ?? '';
  if (['ECONNREFUSED', 'ENOENT'].includes(code)) return unavailable(layout);
  return ['ECONNRESET', 'EPIPE', 'ETIMEDOUT'].includes(code) ? wentAway(layout) : error;
}

/** Control ended, or was ended, with the question in hand. */
function wentAway(layout: StateLayout): MerlonError {
  return new MerlonError({
    code: 'control.unavailable',
    message: `the control plane on \`${layout.root}\` went away before it had answered`,
    hint: 'it comes back by itself; what was asked may have been done, so look before you ask again',
  });
}

function unavailable(layout: StateLayout): MerlonError {
  return new MerlonError({
    code: 'control.unavailable',
    message: `no control plane is running on \`${layout.root}\``,
    hint: 'start it with `merlon up`, or name its state folder with --state',
  });
}
