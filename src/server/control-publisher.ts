import type { AcmeKeeper, Distributor } from '../control/index.ts';
import { messageOf } from '../core/errors.ts';
import { loadManifest, type Manifest } from '../manifest/index.ts';
import { createSharedParser } from '../openapi/control.ts';
import { buildConfiguration, type Configuration } from './control-configuration.ts';
import type { Foundation } from './control-foundation.ts';
import { type ConfigurationInputs, readInputs } from './control-inputs.ts';
import type { LimitsBroker } from './control-limits.ts';
import type { ControlRoleOptions } from './control-options.ts';
import type { Provider } from './control-provider.ts';
import { checkReloadable } from './restart-only.ts';
import { assignSecretRoles } from './service-secrets.ts';

export interface PublisherParts {
  readonly options: ControlRoleOptions;
  readonly foundation: Foundation;
  readonly provider: Provider;
  readonly acme: AcmeKeeper;
  readonly limits: LimitsBroker;
  readonly distributor: Distributor;
}

/** Turns the manifest into what is in force, and never puts half of a change there. */
export interface Publisher {
  /** What is in force. Throws before the first `publish`. */
  current(): Configuration;
  /** The first configuration. Throws what is wrong with it. */
  publish(manifest: Manifest, inputs: ConfigurationInputs): Promise<Configuration>;
  /** Reads the manifest anew; throws what is wrong with it, and then nothing has changed. One at a time. */
  reload(): Promise<{ readonly version: string }>;
  /** As `reload`, for changes that were noticed: what is wrong goes to the log and the ledger. */
  reloadBecause(reason: string): void;
  /** A role or service was given this loopback port and found it taken: another is chosen. */
  avoidPort(port: number): void;
  /** Called after something else is in force. */
  onChange(listener: () => void): void;
}

// A rule set of another engine may have hundreds of directives that mean nothing here.
const maxWarnings = 100;

export function createPublisher(parts: PublisherParts): Publisher {
  const { options, foundation, provider, acme, limits, distributor } = parts;
  const { manifestPath, layout, clock, log, weaknesses } = options;
  const operator = { kind: 'operator', id: 'manifest' } as const;
  let current: Configuration | undefined;
  const listeners: (() => void)[] = [];
  const avoided = new Set<number>();
  let turn: Promise<unknown> = Promise.resolve();

  const build = (manifest: Manifest, inputs: ConfigurationInputs): Promise<Configuration> =>
    buildConfiguration(
      manifest,
      {
        manifestPath,
        layout,
        clock,
        foundation,
        provider,
        acme,
        weaknesses,
        inUse: current?.ports,
        avoid: avoided,
        run: options.run,
      },
      inputs,
    );
  const enforce = (configuration: Configuration): Configuration => {
    const former = current;
    current = configuration;
    assignSecretRoles(configuration.manifest, foundation);
    acme.configure(configuration.acme);
    if (former !== undefined && isSame(former, configuration)) return configuration;
    limits.configure(configuration.gateway.limits);
    distributor.publish(configuration.snapshots);
    log.info({ version: configuration.version }, 'snapshot in force');
    warnOfRules(configuration, former);
    for (const listener of listeners) listener();
    return configuration;
  };
  const warnOfRules = ({ manifest, gateway, wafWarnings }: Configuration, former: Configuration | undefined): void => {
    if (gateway.waf?.digest !== former?.gateway.waf?.digest)
      for (const warning of wafWarnings.slice(0, maxWarnings)) log.warn({}, warning);
    for (const { path, waf } of manifest.routes)
      for (const { id, owner, expires } of waf.patches)
        if (Date.parse(expires) <= clock.now())
          log.warn({ patch: id, route: path, owner, expires }, 'a virtual patch has expired and does not run');
  };
  const reloadOnce = async (): Promise<{ version: string }> => {
    const parser = createSharedParser();
    const { manifest } = loadManifest(manifestPath, { readApi: parser.read });
    if (current !== undefined) checkReloadable(current.manifest, manifest);
    // Everything that can be wrong is found out before anything is changed.
    const { store } = foundation;
    const configuration = await build(manifest, readInputs(manifest, { manifestPath, store, weaknesses, parser }));
    await provider.reconfigure(manifest);
    const { version } = enforce(configuration);
    foundation.emit({ actor: operator, action: 'snapshot.publish', target: version, outcome: 'success' });
    return { version };
  };
  const reload = (): Promise<{ version: string }> => {
    const next = turn.then(reloadOnce, reloadOnce);
    turn = next;
    return next;
  };

  const reloadBecause = (reason: string): void => {
    reload().catch((error: unknown) => {
      foundation.emit({ actor: operator, action: 'snapshot.reject', target: manifestPath, outcome: 'failure' });
      log.error({ reason, error: messageOf(error) }, 'the manifest was refused; the former one stays in force');
    });
  };

  return {
    current: () => {
      if (current === undefined) throw new Error('no configuration is in force yet');
      return current;
    },
    publish: async (manifest, inputs) => enforce(await build(manifest, inputs)),
    reload,
    reloadBecause,
    avoidPort: (port) => {
      if (avoided.has(port)) return;
      avoided.add(port);
      reloadBecause(`port ${port} is taken`);
    },
    onChange: (listener) => void listeners.push(listener),
  };
}

/** Nothing that any role would see has changed. */
function isSame({ snapshots: a }: Configuration, { snapshots: b }: Configuration): boolean {
  return (['gateway', 'agent', 'supervisor'] as const).every((role) => a[role].version === b[role].version);
}
