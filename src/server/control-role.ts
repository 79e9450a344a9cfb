import { dirname, resolve } from 'node:path';
import type { ServiceStatus } from '../api/admin.ts';
import { createDistributor, watchPaths } from '../control/index.ts';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import { Lifecycle, type Stoppable } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import { collectStartGarbage } from '../core/start-garbage.ts';
import { createChannelServer, ensureJoinToken, type RolePeer } from '../distribution/control.ts';
import { loadManifest, type Manifest } from '../manifest/index.ts';
import { createSharedParser } from '../openapi/control.ts';
import { startAcme } from './control-acme.ts';
import { createEdgeTlsKeeper } from './control-edge-tls.ts';
import { openEndpointBook } from './control-endpoints.ts';
import { type Foundation, openFoundation } from './control-foundation.ts';
import { readInputs } from './control-inputs.ts';
import { createIntake } from './control-intake.ts';
import { createLimitsBroker } from './control-limits.ts';
import { startAdminListener } from './control-listener.ts';
import type { ControlRoleOptions } from './control-options.ts';
import { type Provider, startProvider } from './control-provider.ts';
import { createPublisher, type Publisher } from './control-publisher.ts';
import { openSharedLimits } from './shared-limits.ts';
import { checkNotInUse, prepareState, type StateLayout } from './state.ts';

/** The control plane: state, keys, policies and the snapshots that follow from them. */
export async function startControlRole(options: ControlRoleOptions): Promise<Stoppable> {
  const lifecycle = new Lifecycle();
  try {
    await start(options, lifecycle);
    // By then whoever waited for this start has what it needs.
    options.clock.after(collectAfterMs, collectStartGarbage);
    return lifecycle;
  } catch (error) {
    await lifecycle.stop();
    throw error;
  }
}

async function start(options: ControlRoleOptions, lifecycle: Lifecycle): Promise<void> {
  const { manifestPath, layout, clock, log, weaknesses } = options;
  const parser = createSharedParser();
  const { manifest, warnings } = loadManifest(manifestPath, { readApi: parser.read });
  prepareState(layout);
  await checkNotInUse(layout);
  const foundation = await openFoundation(
    { layout, clock, log, weaknesses, trustDomain: manifest.trustDomain },
    lifecycle,
  );
  const { store } = foundation;
  const inputs = readInputs(manifest, { manifestPath, store, weaknesses, parser });
  const provider = await startProvider({ manifest, layout, clock, log, foundation, weaknesses }, lifecycle);
  const folder = dirname(resolve(manifestPath));
  const shared = await openSharedLimits({ manifest, folder, foundation, clock, log });
  const limits = lifecycle.add(await createLimitsBroker(clock, store, log, shared));
  const endpoints = lifecycle.add(await openEndpointBook(clock, store, log));

  const peers = new Set<RolePeer>();
  const distributor = createDistributor(log, (roles) => {
    for (const peer of peers) if (peer.role === 'supervisor') peer.send({ type: 'roles', roles });
  });
  const edgeTls = lifecycle.add(createEdgeTlsKeeper(clock));
  const acme = lifecycle.add(
    await startAcme({
      clock,
      log,
      foundation,
      present: edgeTls.present,
      onChange: () => publisher.reloadBecause('a certificate was issued'),
    }),
  );
  const publisher: Publisher = createPublisher({ options, foundation, provider, acme, limits, distributor });
  await publisher.publish(manifest, inputs);

  const services = new Map<string, ServiceStatus>();
  const problems = warnings.map(({ message }) => message);
  await startAdminListener(
    { options, manifest, foundation, provider, distributor, services, problems, publisher, endpoints },
    lifecycle,
  );
  makeJoinTokens(layout, manifest);
  lifecycle.add(
    await createChannelServer({
      path: layout.controlSocket,
      joinFolder: layout.join,
      log,
      onJoin: (peer) => {
        peers.add(peer);
        if (peer.role === 'gateway') {
          limits.join(peer);
          edgeTls.join(peer);
        }
        distributor.join(peer);
      },
      onMessage: createIntake({
        ...{ foundation, distributor, limits, edgeTls, publisher, endpoints, services, log },
        tellOthers: (from, message) => {
          for (const peer of peers) if (peer.role === 'gateway' && peer !== from) peer.send(message);
        },
      }),
      onLeave: (peer) => {
        peers.delete(peer);
        if (peer.role === 'gateway') {
          limits.leave(peer);
          edgeTls.leave(peer);
        }
        distributor.leave(peer);
      },
    }),
  );
  watchForChanges({ options, foundation, provider, publisher }, lifecycle);
}

/** A token for each role that may join: whoever can read these files is this user on this host. */
function makeJoinTokens({ join }: StateLayout, { gateway }: Manifest): void {
  ensureJoinToken(join, 'supervisor', '1');
  ensureJoinToken(join, 'agent', '1');
  for (let worker = 1; worker <= gateway.workers; worker++) ensureJoinToken(join, 'gateway', String(worker));
}

interface Watched {
  readonly options: ControlRoleOptions;
  readonly foundation: Foundation;
  readonly provider: Provider;
  readonly publisher: Publisher;
}

/** Everything after which what is in force may have to change. */
function watchForChanges({ options, foundation, provider, publisher }: Watched, lifecycle: Lifecycle): void {
  const { manifestPath, clock, log } = options;
  keepAuthorityRotating(foundation, clock, log, lifecycle, () =>
    publisher.reloadBecause('the trust bundle has changed'),
  );
  foundation.onSecretChange(() => publisher.reloadBecause('a secret has changed'));
  provider.onChange(() => publisher.reloadBecause('keys or revocations have changed'));
  // Certificates are renewed well before their end, whether or not anyone changes anything.
  const renewal = clock.every(renewalPeriodMs, () => publisher.reloadBecause('certificates are looked at'));
  lifecycle.defer(() => renewal.cancel());
  const files = (): readonly string[] => [manifestPath, ...publisher.current().files];
  lifecycle.add(watchPaths(files, clock, () => publisher.reloadBecause('the manifest has changed')));
}

const collectAfterMs = 5000;
const maintenancePeriodMs = 60_000;
const renewalPeriodMs = 6 * 3_600_000;

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
