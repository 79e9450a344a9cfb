import { createServer } from 'node:net';
import type { SupervisorSnapshot, WorkloadPlan } from '../api/snapshot.ts';
import type { Clock } from '../core/clock.ts';
import { MerlonError, systemCode } from '../core/errors.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import {
  type Child,
  type ChildPlan,
  type HealthTarget,
  type LogStream,
  startChild,
  waitUntilHealthy,
} from '../supervisor/index.ts';

export type WorkloadState = 'starting' | 'healthy' | 'unhealthy' | 'stopped' | 'crashed';

export interface WorkloadsOptions {
  readonly clock: Clock;
  readonly logs: LogStream;
  readonly graceMs: number;
  readonly onState: (service: string, state: WorkloadState, pid: number | undefined) => void;
  /** A service has ended, and somebody else listens on the port that it was given. */
  readonly onPortTaken: (service: string, port: number) => void;
  readonly onStarted: (pid: number) => void;
}

/** The user's services as child processes. */
export interface Workloads extends Stoppable {
  /** Starts what is new, restarts what has changed, ends what is gone. Resolves when all are healthy. Throws `workload.unhealthy`. */
  apply(snapshot: SupervisorSnapshot): Promise<void>;
}

interface Running {
  plan: WorkloadPlan;
  readonly child: Child;
}

export function createWorkloads(options: WorkloadsOptions): Workloads {
  const running = new Map<string, Running>();
  let stopped = false;

  const start = (plan: WorkloadPlan): Running => {
    const { service } = plan;
    const child = startChild(childPlan(plan), {
      clock: options.clock,
      graceMs: options.graceMs,
      onLine: (line) => options.logs.line(service, line),
      onStart: (pid) => {
        options.onStarted(pid);
        options.onState(service, 'starting', pid);
        void watch(service);
      },
      onExit: ({ code, signal, restartInMs }) => {
        options.logs.line(
          'merlon',
          `${service} ended (${signal ?? `code ${code}`}), starting it again in ${restartInMs} ms`,
        );
        options.onState(service, 'crashed', undefined);
        void lookAtPort(service);
      },
    });
    return { plan, child };
  };

  // Right after its end nobody of ours holds the port: whoever does came between our choice of it and the service.
  const lookAtPort = async (service: string): Promise<void> => {
    const entry = running.get(service);
    if (entry === undefined || stopped || entry.child.pid !== undefined) return;
    const { endpoint } = entry.plan;
    if ((await isTaken(endpoint)) && entry.child.pid === undefined) options.onPortTaken(service, endpoint.port);
  };

  const watch = async (service: string): Promise<void> => {
    // The map entry appears after `start` returns, a moment after the process has begun.
    await Promise.resolve();
    const entry = running.get(service);
    if (entry === undefined) return;
    const { pid } = entry.child;
    const healthy = await waitUntilHealthy(
      targetOf(entry.plan),
      entry.plan.startTimeoutMs,
      options.clock,
      () => stopped || entry.child.pid !== pid,
    );
    if (!stopped && entry.child.pid === pid) options.onState(service, healthy ? 'healthy' : 'unhealthy', pid);
  };

  return {
    apply: async ({ workloads }) => {
      const wanted = new Map(workloads.map((plan) => [plan.service, plan]));
      for (const [service, { child }] of running) {
        if (wanted.has(service)) continue;
        running.delete(service);
        await child.stop();
        options.onState(service, 'stopped', undefined);
      }
      const changed: Running[] = [];
      for (const [service, plan] of wanted) {
        const entry = running.get(service);
        if (entry === undefined) running.set(service, start(plan));
        else if (JSON.stringify(entry.plan) === JSON.stringify(plan)) continue;
        else {
          entry.plan = plan;
          await entry.child.replace(childPlan(plan));
        }
        changed.push(running.get(service) as Running);
      }
      await Promise.all(changed.map((entry) => waitFor(entry, options.clock, () => stopped)));
    },
    stop: async () => {
      stopped = true;
      await Promise.all([...running.values()].map(({ child }) => child.stop()));
      running.clear();
    },
  };
}

function isTaken({ host, port }: { readonly host: string; readonly port: number }): Promise<boolean> {
  return new Promise((answer) => {
    const probe = createServer();
    probe.once('error', (error) => answer(systemCode(error) === 'EADDRINUSE'));
    probe.listen(port, host, () => probe.close(() => answer(false)));
  });
}

function childPlan({ service, command, cwd, env }: WorkloadPlan): ChildPlan {
  return { name: service, command: command as [string, ...string[]], cwd, env };
}

function targetOf({ endpoint, healthPath }: WorkloadPlan): HealthTarget {
  return { ...endpoint, ...(healthPath === undefined ? {} : { path: healthPath }) };
}

async function waitFor({ plan, child }: Running, clock: Clock, givenUp: () => boolean): Promise<void> {
  if ((await waitUntilHealthy(targetOf(plan), plan.startTimeoutMs, clock, givenUp)) || givenUp()) return;
  const said = child.lastLines.slice(-5).map((line) => `\n    ${line}`);
  throw new MerlonError({
    code: 'workload.unhealthy',
    message: `the service \`${plan.service}\` did not become healthy within ${plan.startTimeoutMs / 1000} s`,
    hint: `it must answer ${plan.healthPath === undefined ? 'connections' : `\`${plan.healthPath}\` with 2xx`} on $HOST:$PORT (${plan.endpoint.host}:${plan.endpoint.port})${said.length > 0 ? `; its last lines:${said.join('')}` : ''}`,
  });
}
