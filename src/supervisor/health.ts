import { connect, isIPv6 } from 'node:net';
import { type Clock, sleep } from '../core/clock.ts';

/** Where a workload listens, and the path that tells its health; without a path, accepting a connection is health. */
export interface HealthTarget {
  readonly host: string;
  readonly port: number;
  readonly path?: string;
}

const probeTimeoutMs = 2000;
const maxHeadChars = 16 * 1024;
const pauseMs = 50;

function acceptsConnections({ host, port }: HealthTarget): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: probeTimeoutMs });
    const settle = (healthy: boolean): void => {
      socket.destroy();
      resolve(healthy);
    };
    socket.on('connect', () => settle(true));
    socket.on('error', () => settle(false));
    socket.on('timeout', () => settle(false));
  });
}

/**
 * Asks by plain HTTP/1.1 and reads no more than the status line. Not with `node:http`, which would be all that the supervisor
 * needs of it, and would take 14 MB.
 */
function answersWell({ host, port, path }: HealthTarget): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: probeTimeoutMs });
    let answer = '';
    const settle = (healthy: boolean): void => {
      socket.destroy();
      resolve(healthy);
    };
    const authority = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
    socket.on('connect', () => socket.write(`GET ${path} HTTP/1.1\r\nhost: ${authority}\r\nconnection: close\r\n\r\n`));
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text;
      const status = finalStatus(answer);
      if (status !== undefined) settle(status >= 200 && status < 300);
      else if (answer.length > maxHeadChars) settle(false);
    });
    for (const event of ['error', 'timeout', 'end'] as const) socket.on(event, () => settle(false));
  });
}

/** The status of an answer, past interim ones (RFC 9110, section 15.2); 0 where it is no HTTP; undefined while its line is not whole. */
function finalStatus(answer: string): number | undefined {
  let start = 0;
  for (;;) {
    const end = answer.indexOf('\r\n', start);
    if (end === -1) return undefined;
    const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(answer.slice(start, end))?.[1] ?? 0);
    if (status < 100 || status > 199) return status;
    const head = answer.indexOf('\r\n\r\n', start);
    if (head === -1) return undefined;
    start = head + 4;
  }
}

/** Whether the workload is healthy now. Never throws. */
export function probeHealth(target: HealthTarget): Promise<boolean> {
  return target.path === undefined ? acceptsConnections(target) : answersWell(target);
}

/** Waits until the workload is healthy; false when that has not happened within `timeoutMs`, or `given up` says so. */
export async function waitUntilHealthy(
  target: HealthTarget,
  timeoutMs: number,
  clock: Clock,
  givenUp: () => boolean,
): Promise<boolean> {
  const end = clock.monotonic() + timeoutMs;
  while (clock.monotonic() < end && !givenUp()) {
    if (await probeHealth(target)) return true;
    await sleep(clock, pauseMs);
  }
  return false;
}
