import { join } from 'node:path';
import type { FromControl } from '../api/channel.ts';
import type { ToWorker } from '../api/limits.ts';
import type { Weaknesses } from '../api/protections.ts';
import type { GatewaySnapshot } from '../api/snapshot.ts';
import type { Clock } from '../core/clock.ts';
import { MerlonError, messageOf } from '../core/errors.ts';
import { ensurePrivateFolder } from '../core/files.ts';
import { Lifecycle, type Stoppable } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import { type ChannelClient, createChannelClient, readLastGood, writeLastGood } from '../distribution/index.ts';
import { createGateway, type Gateway } from '../gateway/index.ts';
import {
  createHttpServer,
  type HttpLimits,
  type HttpServer,
  type ListenAddress,
  type ServerTls,
} from '../net/index.ts';
import { createEndpointReport } from '../openapi/index.ts';
import { createEndpointShipper } from './endpoint-shipper.ts';
import { createGatewayLimits } from './gateway-limits.ts';
import { createRecordShipper } from './record-shipper.ts';
import type { StateLayout } from './state.ts';
import { createSvidKeeper } from './svid-keeper.ts';
import { createVerifier } from './svid-verifier.ts';

export interface GatewayRoleOptions {
  readonly layout: StateLayout;
  /** Which worker this is. */
  readonly name: string;
  /** The listening socket that the supervisor bound; without it the worker binds the port of its snapshot itself. */
  readonly listenFd: number | undefined;
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

  const shipper = lifecycle.add(createRecordShipper(at('spool'), clock, send));
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
  const listener = lifecycle.add(
    createListener(
      options,
      gateway,
      () => current?.body,
      () => svids.complete,
    ),
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
      },
      onMessage: (message) => {
        if (message.type === 'lease') limits.receive(message.body as ToWorker);
        else if (!svids.receive(message) && !shipper.receive(message)) void receive(message);
      },
    }),
  );
  return lifecycle;
}

interface Listener extends Stoppable {
  /** Opens the port once there is a snapshot and an SVID; later on puts a renewed certificate in force. */
  open(): Promise<void>;
  /** Resolves when the port is open. */
  readonly opened: Promise<void>;
}

function createListener(
  { clock, log, listenFd, weaknesses }: GatewayRoleOptions,
  gateway: Gateway,
  snapshot: () => GatewaySnapshot | undefined,
  ready: () => boolean,
): Listener {
  let server: HttpServer | undefined;
  let opening: Promise<void> | undefined;
  const opened = Promise.withResolvers<void>();

  const listen = async (config: GatewaySnapshot): Promise<void> => {
    const tls = tlsOf(config);
    server = createHttpServer({
      clock,
      log,
      ...(tls === undefined ? {} : { tls }),
      limits: listenerLimits(config, weaknesses),
      trustedProxies: config.trustedProxies,
      onRequest: gateway.handle,
      onRefused: gateway.refused,
    });
    await server.listen(addressOf(config, listenFd));
    opened.resolve();
  };
  return {
    opened: opened.promise,
    open: async () => {
      const config = snapshot();
      if (config === undefined || !ready()) return;
      if (opening === undefined) opening = listen(config);
      else if (config.certificate !== undefined) server?.setTls(tlsOf(config) as ServerTls);
      await opening;
    },
    stop: async () => {
      await server?.drain(3000);
      await server?.stop();
    },
  };
}

function tlsOf({ certificate }: GatewaySnapshot): ServerTls | undefined {
  return certificate && { ...certificate, http2: true };
}

function addressOf({ listen }: GatewaySnapshot, fd: number | undefined): ListenAddress {
  return fd === undefined ? listen : { fd };
}

function listenerLimits({ http }: GatewaySnapshot, weaknesses: Weaknesses): Partial<HttpLimits> {
  const { headerBytes, headerCount, connectionsPerIp, requestsPerConnection } = http;
  const headerTimeMs = weaknesses.has('http.header-time') ? dayMs : http.headerTimeMs;
  return { headerBytes, headerCount, headerTimeMs, connectionsPerIp, requestsPerConnection };
}

const dayMs = 86_400_000;
