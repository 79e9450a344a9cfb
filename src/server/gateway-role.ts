import { join } from 'node:path';
import type { FromControl } from '../api/channel.ts';
import type { ToSlotWorker, ToWorker } from '../api/limits.ts';
import type { Weaknesses } from '../api/protections.ts';
import type { GatewaySnapshot } from '../api/snapshot.ts';
import type { Clock } from '../core/clock.ts';
import { MerlonError, messageOf } from '../core/errors.ts';
import { ensurePrivateFolder } from '../core/files.ts';
import { Lifecycle, type Stoppable } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import { collectStartGarbage } from '../core/start-garbage.ts';
import { type ChannelClient, createChannelClient, readLastGood, writeLastGood } from '../distribution/index.ts';
import { createGateway, type Gateway } from '../gateway/index.ts';
import { createEndpointReport } from '../openapi/index.ts';
import { createEndpointShipper } from './endpoint-shipper.ts';
import { createGatewayLimits } from './gateway-limits.ts';
import { createGatewayListener } from './gateway-listener.ts';
import { createRecordShipper } from './record-shipper.ts';
import { createScannerShipper } from './scanner-shipper.ts';
import type { StateLayout } from './state.ts';
import { createSvidKeeper } from './svid-keeper.ts';
import { createVerifier } from './svid-verifier.ts';

export interface GatewayRoleOptions {
  readonly layout: StateLayout;
  /** Which worker this is. */
  readonly name: string;
  /** The listening socket that the supervisor bound; without it the worker binds the port of its snapshot itself. */
  readonly listenFds: readonly number[] | undefined;
  /** As `listenFds`, of the plain port. */
  readonly redirectFds: readonly number[] | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly weaknesses: Weaknesses;
}

/** A gateway worker: serves with its last good snapshot whether or not control is there. */
export async function startGatewayRole(options: GatewayRoleOptions): Promise<Stoppable> {
  const { layout, name, clock, log, weaknesses } = options;
  ensurePrivateFolder(layout.gateway);
  const lifecycle = new Lifecycle();
  const at = (file: string): string => join(layout.gateway, `${file}-${name}`);
  const send: ChannelClient['send'] = (message) => channel.send(message);

  const shipper = lifecycle.add(createRecordShipper(at('spool'), clock, (line) => channel.sendLine(line)));
  const svids = lifecycle.add(
    createSvidKeeper({ file: at('svid'), clock, log, send, onChange: () => void listener.open() }),
  );
  const endpoints = createEndpointReport();
  lifecycle.add(createEndpointShipper(endpoints, clock, () => channel.connected, send));
  const verifier = createVerifier(clock, weaknesses);
  const limits = lifecycle.add(
    createGatewayLimits(Number(name) - 1, clock, weaknesses, (body) => send({ type: 'lease', body })),
  );
  let current: { readonly version: string; readonly body: GatewaySnapshot } | undefined;

  const gateway: Gateway = lifecycle.add(
    createGateway({
      clock,
      log,
      weaknesses,
      record: shipper.record,
      endpoints,
      limits: (snapshot) => limits.compile(snapshot.limits, snapshot.workers),
      verify: verifier.verify,
      svid: () => {
        const svid = svids.current(current?.body.spiffeId ?? '');
        if (svid === undefined) throw new Error('the gateway has no SVID yet');
        return svid;
      },
    }),
  );
  lifecycle.add(createScannerShipper(gateway, clock, () => channel.connected, send));
  const listener = lifecycle.add(
    createGatewayListener({
      ...options,
      gateway,
      snapshot: () => current?.body,
      ready: () => svids.complete,
    }),
  );

  const apply = async (version: string, body: GatewaySnapshot): Promise<void> => {
    verifier.trust(body.trustDomain, body.bundle);
    gateway.apply(version, body);
    current = { version, body };
    svids.want([body.spiffeId]);
    await listener.open();
  };
  const receive = async (message: FromControl): Promise<void> => {
    if (message.type !== 'snapshot') return;
    const { version } = message;
    try {
      await apply(version, message.body as GatewaySnapshot);
      writeLastGood(at('snapshot'), { version, body: message.body });
      await listener.opened;
      send({ type: 'ack', version });
      clock.after(0, collectStartGarbage);
    } catch (error) {
      log.error({ version, error: messageOf(error) }, 'the snapshot was refused; the former one stays in force');
      send({
        type: 'nack',
        version,
        code: error instanceof MerlonError ? error.code : 'gateway.snapshot',
        message: messageOf(error),
      });
    }
  };

  const share = async ({ sequence, body }: Extract<FromControl, { type: 'edge-tls' }>): Promise<void> => {
    await listener.share(body);
    send({ type: 'edge-tls-ack', sequence });
  };

  const kept = readLastGood<GatewaySnapshot>(at('snapshot'));
  if (kept !== undefined)
    await apply(kept.version, kept.body).catch((error: unknown) =>
      log.warn({ error: messageOf(error) }, 'the kept snapshot cannot be used'),
    );
  const channel: ChannelClient = lifecycle.add(
    createChannelClient({
      path: layout.controlSocket,
      joinFolder: layout.join,
      role: 'gateway',
      name,
      clock,
      log,
      onOpen: (nonce) => {
        svids.opened(nonce);
        shipper.opened();
        limits.opened();
      },
      onMessage: (message) => {
        if (message.type === 'edge-tls') void share(message);
        else if (message.type === 'scanners') gateway.scanners.hear(message.news, clock.monotonic());
        else if (message.type === 'lease') limits.receive(message.body as ToWorker | ToSlotWorker);
        else if (!svids.receive(message) && !shipper.receive(message)) void receive(message);
      },
    }),
  );
  return lifecycle;
}
