import { request } from 'node:http';
import { connect } from 'node:net';
import { type Clock, sleep } from '../core/clock.ts';

/** Where a workload listens, and the path that tells its health; without a path, accepting a connection is health. */
export interface HealthTarget {
  readonly host: string;
  readonly port: number;
  readonly path?: string;
}

const probeTimeoutMs = 2000;
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

function answersWell({ host, port, path }: HealthTarget): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = request({ host, port, path, timeout: probeTimeoutMs, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode !== undefined && response.statusCode >= 200 && response.statusCode < 300);
    });
    probe.on('timeout', () => probe.destroy());
    probe.on('error', () => resolve(false));
    probe.end();
  });
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
