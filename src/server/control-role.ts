import type { FromRole, Hello } from '../api/channel.ts';
import type { LedgerRecord } from '../api/record.ts';
import type { AgentSnapshot } from '../api/snapshot.ts';
import { answerSvidRequest, createDistributor, watchPaths } from '../control/index.ts';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import { Lifecycle, type Stoppable } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import { createChannelServer, ensureJoinToken, type RolePeer } from '../distribution/control.ts';
import { loadManifest, type Manifest } from '../manifest/index.ts';
import { buildConfiguration, type Configuration } from './control-configuration.ts';
import { type Foundation, openFoundation } from './control-foundation.ts';
import { createLimitsBroker } from './control-limits.ts';
import { startAdminListener } from './control-listener.ts';
import type { ControlRoleOptions } from './control-parts.ts';
import { startProvider } from './control-provider.ts';
import { checkReloadable } from './restart-only.ts';
import { assignSecretRoles } from './service-secrets.ts';
import { checkNotInUse, prepareState } from './state.ts';

/** The control plane: state, keys, policies and the snapshots that follow from them. */
export async function startControlRole(options: ControlRoleOptions): Promise<Stoppable> {
  const lifecycle = new Lifecycle();
  try {
    await start(options, lifecycle);
    return lifecycle;
  } catch (error) {
    await lifecycle.stop();
    throw error;
  }
}

async function start(options: ControlRoleOptions, lifecycle: Lifecycle): Promise<void> {
  const { manifestPath, layout, clock, log, weaknesses } = options;
  const { manifest, warnings } = loadManifest(manifestPath);
  prepareState(layout);
  await checkNotInUse(layout);
  const foundation = await openFoundation(
    { layout, clock, log, weaknesses, trustDomain: manifest.trustDomain },
    lifecycle,
  );
  const provider = await startProvider({ manifest, layout, clock, log, foundation }, lifecycle);
  const limits = lifecycle.add(await createLimitsBroker(clock, foundation.store, log));

  const distributor = createDistributor(log, (roles) => {
    for (const peer of peers) if (peer.role === 'supervisor') peer.send({ type: 'roles', roles });
  });
  const peers = new Set<RolePeer>();
  let current: Configuration | undefined;
  let agent: AgentSnapshot | undefined;
  const problems: string[] = warnings.map(({ message }) => message);

  const publish = async (next: Manifest): Promise<Configuration> => {
    const configuration = await buildConfiguration(next, {
      manifestPath,
      layout,
      clock,
      foundation,
      provider,
      weaknesses,
      inUse: current?.ports,
      run: options.run,
    });
    agent = configuration.agent;
    assignSecretRoles(next, foundation);
    limits.configure(configuration.gateway.limits);
    distributor.publish(configuration.snapshots);
    current = configuration;
    log.info({ version: configuration.version }, 'snapshot in force');
    return configuration;
  };
  const reload = async (): Promise<{ version: string }> => {
    const next = loadManifest(manifestPath).manifest;
    checkReloadable(manifest, next);
    await provider.reconfigure(next);
    const { version } = await publish(next);
    foundation.emit({
      actor: { kind: 'operator', id: 'manifest' },
      action: 'snapshot.publish',
      target: version,
      outcome: 'success',
    });
    return { version };
  };

  await publish(manifest);
  const services = new Map<string, { service: string; state: string; pid?: number }>();
  const receive = (peer: RolePeer, message: Exclude<FromRole, Hello>): void => {
    if (message.type === 'ack') return distributor.acknowledge(peer, message.version);
    if (message.type === 'nack') return distributor.refuse(peer, message.version, message.code, message.message);
    if (message.type === 'records') return void takeRecords(peer, message.sequence, message.records);
    if (message.type === 'lease') return limits.receive(peer, message.body);
    if (message.type === 'workload')
      return void services.set(message.service, {
        service: message.service,
        state: message.state,
        ...(message.pid === undefined ? {} : { pid: message.pid }),
      });
    void answerSvidRequest(peer, message, agent, foundation.issueSvid).then((answer) => peer.send(answer));
  };
  const takeRecords = async (peer: RolePeer, sequence: number, records: readonly LedgerRecord[]): Promise<void> => {
    try {
      await foundation.ledger.ingest(records);
      peer.send({ type: 'records-ack', sequence });
    } catch (error) {
      // Not acknowledged: the role keeps them and sends them again when it next connects.
      log.error({ error: messageOf(error) }, 'records could not be kept');
      peer.close();
    }
  };

  await startAdminListener(
    {
      options,
      manifest,
      foundation,
      provider,
      distributor,
      services,
      problems,
      reload,
      configuration: () => current as Configuration,
    },
    lifecycle,
  );
  ensureJoinToken(layout.join, 'supervisor', '1');
  ensureJoinToken(layout.join, 'agent', '1');
  for (let worker = 1; worker <= manifest.gateway.workers; worker++)
    ensureJoinToken(layout.join, 'gateway', String(worker));
  lifecycle.add(
    await createChannelServer({
      path: layout.controlSocket,
      joinFolder: layout.join,
      log,
      onJoin: (peer) => {
        peers.add(peer);
        if (peer.role === 'gateway') limits.join(peer);
        distributor.join(peer);
      },
      onMessage: receive,
      onLeave: (peer) => {
        peers.delete(peer);
        if (peer.role === 'gateway') limits.leave(peer);
        distributor.leave(peer);
      },
    }),
  );

  const tryReload = (reason: string): void => {
    reload().catch((error: unknown) => {
      foundation.emit({
        actor: { kind: 'operator', id: 'manifest' },
        action: 'snapshot.reject',
        target: manifestPath,
        outcome: 'failure',
      });
      log.error({ reason, error: messageOf(error) }, 'the manifest was refused; the former one stays in force');
    });
  };
  keepAuthorityRotating(foundation, clock, log, lifecycle, () => tryReload('the trust bundle has changed'));
  foundation.onSecretChange(() => tryReload('a secret has changed'));
  provider.onChange(() => tryReload('keys or revocations have changed'));
  lifecycle.add(
    watchPaths(
      () => [manifestPath, ...(current?.files ?? [])],
      clock,
      () => tryReload('the manifest has changed'),
    ),
  );
}

const maintenancePeriodMs = 60_000;

/** Takes the steps of CA rotation that are due, and tells everyone when the trust bundle has changed. */
function keepAuthorityRotating(
  { authority }: Foundation,
  clock: Clock,
  log: Logger,
  lifecycle: Lifecycle,
  onChange: () => void,
): void {
  let sequence: number | undefined;
  const look = async (): Promise<void> => {
    await authority.maintain();
    const bundle = await authority.bundle();
    if (sequence !== undefined && bundle.sequence !== sequence) onChange();
    ({ sequence } = bundle);
  };
  const timer = clock.every(
    maintenancePeriodMs,
    () =>
      void look().catch((error: unknown) => log.error({ error: messageOf(error) }, 'the authority was not maintained')),
  );
  lifecycle.defer(() => timer.cancel());
}
