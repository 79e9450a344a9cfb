import { dirname, resolve } from 'node:path';
import type { FromControl, FromRole } from '../api/channel.ts';
import type { SupervisorSnapshot } from '../api/snapshot.ts';
import type { Clock } from '../core/clock.ts';
import { exitCodes, MerlonError, messageOf } from '../core/errors.ts';
import { uuidV7 } from '../core/ids.ts';
import { Lifecycle, type Stoppable } from '../core/lifecycle.ts';
import { createLogger } from '../core/log.ts';
import { tryLockFile } from '../core/process-lock.ts';
import { createChannelClient } from '../distribution/index.ts';
import type { Manifest } from '../manifest/index.ts';
import {
  type Child,
  createProcessNotes,
  endStaleProcesses,
  findLiveSupervisor,
  type LogStream,
  type ProcessNotes,
  startChild,
} from '../supervisor/index.ts';
import { bindPublicPort, publicAcceptors } from './public-port.ts';
import { codeCache, roleCommand } from './role-command.ts';
import { roleEnvironment } from './role-environment.ts';
import { checkNotInUse, inUse, prepareState, type StateLayout } from './state.ts';
import { createProgress } from './up-progress.ts';
import { createWorkloads } from './workloads.ts';

export interface UpOptions {
  readonly manifest: Manifest;
  readonly manifestPath: string;
  readonly layout: StateLayout;
  readonly clock: Clock;
  readonly logs: LogStream;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** Starts a role otherwise than through the command line: tests that switch a protection off. */
  readonly roleCommand?: typeof roleCommand;
  /** Settles when it is told to end while it starts. */
  readonly interrupted?: Promise<void>;
}

/** What control is told of a service, and told again when it comes back. */
type ServiceReport = Extract<FromRole, { type: 'workload' }>;

/** The running platform. */
export interface Platform extends Stoppable {
  readonly services: ReadonlyMap<string, ServiceReport>;
  /** Settles when something ends that cannot be started again: with the error to tell. */
  readonly failed: Promise<MerlonError>;
}

const graceMs = 5000;
const readyTimeoutMs = 60_000;

/**
 * Starts everything, in the order in which each part can be known to work, and resolves when requests are served. When
 * any part fails, all of it is taken down again and the reason thrown.
 */
export async function up(options: UpOptions): Promise<Platform> {
  const lifecycle = new Lifecycle();
  try {
    return await start(options, lifecycle);
  } catch (error) {
    // Why it did not start is what must be told, whatever goes wrong while it is taken down.
    await lifecycle.stop().catch((failure: unknown) => options.logs.line('merlon', messageOf(failure)));
    throw error;
  }
}

async function start(options: UpOptions, lifecycle: Lifecycle): Promise<Platform> {
  const { layout, manifest, clock, logs } = options;
  prepareState(layout);
  const notes = await takeOver(options, lifecycle);
  const { host, port } = manifest.gateway.listen;
  const ports = [lifecycle.add(await bindPublicPort(host, port))];
  const { redirect } = manifest.gateway;
  if (redirect !== undefined)
    ports.push(lifecycle.add(await bindPublicPort(redirect.host, redirect.port, 'gateway.redirect')));
  const services = new Map<string, ServiceReport>();
  const failure = Promise.withResolvers<MerlonError>();
  const roles = startRoles(
    options,
    ports.map(({ descriptor }) => descriptor),
    notes.add,
    failure.resolve,
    () => progress.isReady,
  );
  const workloads = createWorkloads({
    clock,
    logs,
    graceMs,
    onStarted: notes.add,
    onPortTaken: (service, port) => portTaken(service, port),
    onState: (service, state, pid) => {
      const report: ServiceReport = { type: 'workload', service, state, ...(pid === undefined ? {} : { pid }) };
      services.set(service, report);
      channel.send(report);
    },
  });
  const portTaken = (service: string, port: number): void =>
    channel.send({ type: 'workload', service, state: 'crashed', portTaken: port });
  // Callers first see a closed door, then services end, control last: nothing is cut that could still be answered.
  lifecycle.add(roles.control);
  lifecycle.add(workloads);
  lifecycle.add(roles.agent);
  for (const gateway of roles.gateways) lifecycle.add(gateway);

  const progress = createProgress(manifest.gateway.workers, (role, version) =>
    logs.line('merlon', `snapshot ${version} in force (${role === 'supervisor' ? 'services' : role})`),
  );
  const channel = lifecycle.add(
    createChannelClient({
      path: layout.controlSocket,
      joinFolder: layout.join,
      role: 'supervisor',
      name: '1',
      clock,
      log: createLogger({ name: 'merlon', level: 'error' }),
      onOpen: () => {
        for (const report of services.values()) channel.send(report);
      },
      onMessage: (message) => {
        if (message.type === 'roles') progress.roles(message.roles);
        if (message.type === 'snapshot') void applyPlan(message);
      },
    }),
  );
  const applyPlan = async ({ version, body }: Extract<FromControl, { type: 'snapshot' }>): Promise<void> => {
    try {
      await workloads.apply(body as SupervisorSnapshot);
      channel.send({ type: 'ack', version });
      progress.workloads();
    } catch (error) {
      const known =
        error instanceof MerlonError ? error : new MerlonError({ code: 'workload.failed', message: String(error) });
      channel.send({ type: 'nack', version, code: known.code, message: known.message });
      if (!progress.isReady) failure.resolve(known);
      else logs.line('merlon', `${known.message}: ${known.hint ?? ''}`);
    }
  };

  const failed = await Promise.race([
    progress.ready,
    failure.promise,
    timeout(clock),
    interruption(options.interrupted),
  ]);
  if (failed !== undefined) throw failed;
  return { services, failed: failure.promise, stop: () => lifecycle.stop() };
}

async function interruption(interrupted: Promise<void> | undefined): Promise<MerlonError> {
  await (interrupted ?? new Promise(() => undefined));
  return new MerlonError({ code: 'platform.interrupted', message: 'told to end before it was ready' });
}

/**
 * Makes the state folder ours. What a killed run has left there is ended first, since it holds ports and the control
 * socket. Throws `state.in-use` where another run lives, and touches nothing of it.
 */
async function takeOver({ layout, clock, logs }: UpOptions, lifecycle: Lifecycle): Promise<ProcessNotes> {
  const release = tryLockFile(layout.lock);
  if (release !== undefined) lifecycle.defer(release);
  const other = findLiveSupervisor(layout.processNotes);
  if (other !== undefined) throw inUse(layout, `a platform (process ${other})`);
  // Whoever holds the lock may not have noted itself yet: two that start in one moment do not both go on.
  if (release === undefined) throw inUse(layout, 'a platform');
  const ended = await endStaleProcesses(layout.processNotes, clock);
  if (ended > 0) logs.line('merlon', `ended ${ended} processes that an earlier run had left behind`);
  await checkNotInUse(layout);
  return lifecycle.add(createProcessNotes(layout.processNotes));
}

function timeout(clock: Clock): Promise<MerlonError> {
  return new Promise((settle) => {
    const error = new MerlonError({
      code: 'workload.unhealthy',
      message: `the platform was not ready within ${readyTimeoutMs / 1000} s`,
      hint: 'the log above says what is missing',
    });
    clock.after(readyTimeoutMs, () => settle(error));
  });
}

interface Roles {
  readonly control: Child;
  readonly agent: Child;
  readonly gateways: readonly Child[];
}

function startRoles(
  options: UpOptions,
  publicPorts: readonly number[],
  onStart: (pid: number) => void,
  fail: (error: MerlonError) => void,
  isReady: () => boolean,
): Roles {
  const { layout, manifestPath, clock, logs, logLevel } = options;
  const command = options.roleCommand ?? roleCommand;
  // By this, a control that comes back knows that the ports it gave out are held by those it gave them to.
  const run = uuidV7(clock.now());
  const begin = (
    role: 'control' | 'gateway' | 'agent',
    name: string,
    args: string[],
    descriptors: readonly number[] = [],
  ): Child =>
    startChild(
      {
        name,
        command: command(role, [...args, '--state', layout.root, '--log-level', logLevel], layout),
        cwd: dirname(resolve(manifestPath)),
        env: { ...roleEnvironment(role, process.env), MERLON_CODE_CACHE: codeCache(role), MERLON_RUN: run },
        descriptors,
      },
      {
        clock,
        graceMs,
        onLine: (line) => logs.line(name, line),
        onStart,
        onExit: ({ code, signal, restartInMs }) => {
          if (restartInMs === undefined) return fail(refusedToStart(name, code));
          logs.line('merlon', `${name} ended (${signal ?? `code ${code}`}), starting it again in ${restartInMs} ms`);
        },
        // A role that says that its input or its machine is at fault would say so for ever; but what serves goes on serving.
        restart: (code) => code === null || refusals[code] === undefined || isReady(),
      },
    );
  const workers = Array.from({ length: options.manifest.gateway.workers }, (_, index) => String(index + 1));
  return {
    control: begin('control', 'control', ['--manifest', resolve(manifestPath)]),
    agent: begin('agent', 'agent', ['--name', '1']),
    gateways: workers.map((name) =>
      begin(
        'gateway',
        workers.length === 1 ? 'gateway' : `gateway/${name}`,
        [
          '--name',
          name,
          '--listen-fd',
          handedOver(0),
          ...(publicPorts.length > 1 ? ['--redirect-fd', handedOver(1)] : []),
        ],
        publicPorts.flatMap((descriptor) => Array<number>(publicAcceptors).fill(descriptor)),
      ),
    ),
  };
}

/** The descriptors by which a worker knows the public port of that place: a child's own begin at 3. */
function handedOver(place: number): string {
  const first = 3 + place * publicAcceptors;
  return Array.from({ length: publicAcceptors }, (_, at) => first + at).join(',');
}

const refusals: Readonly<Record<number, string>> = {
  [exitCodes.badInput]: 'role.bad-input',
  [exitCodes.system]: 'role.system',
  [exitCodes.permission]: 'role.permission',
  [exitCodes.usage]: 'role.usage',
};

function refusedToStart(role: string, code: number | null): MerlonError {
  return new MerlonError({
    code: refusals[code ?? -1] ?? 'role.refused',
    message: `${role} cannot run (exit code ${code})`,
    hint: 'its last lines above say why',
  });
}
