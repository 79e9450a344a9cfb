import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type AcmeConfig, type AcmeKeeper, createAcmeKeeper, type PresentChallenges } from '../control/index.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/log.ts';
import { acmeDomains, type Manifest } from '../manifest/index.ts';
import { createAcmeFetch } from './acme-http.ts';
import type { Foundation } from './control-foundation.ts';

export interface ControlAcmeOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly foundation: Foundation;
  readonly present: PresentChallenges;
  readonly onChange: () => void;
}

/** The keeper of the gateway's certificate, for manifests that have it by ACME. */
export function startAcme({ clock, log, foundation, present, onChange }: ControlAcmeOptions): Promise<AcmeKeeper> {
  const { store, emit } = foundation;
  const fetchWith = (config: AcmeConfig) => createAcmeFetch(clock, config);
  return createAcmeKeeper({ store, clock, log, emit, fetchWith, present, onChange });
}

/** What the manifest asks of ACME; undefined where it asks for nothing. Throws `secrets.missing`, and where a file cannot be read. */
export async function acmeConfigOf(
  { gateway, routes }: Manifest,
  manifestPath: string,
  { secrets }: Foundation,
): Promise<AcmeConfig | undefined> {
  const { acme, certificate, publicUrl, redirect } = gateway;
  if (certificate !== 'acme' || acme === undefined || gateway.listen.scheme === 'http') return undefined;
  const { externalAccount } = acme;
  const variable = 'ACME_MAC_KEY';
  const resolved =
    externalAccount === undefined
      ? undefined
      : await secrets.resolveServiceSecrets({
          service: 'gateway',
          secrets: { [variable]: { path: externalAccount.macKey, generate: false, as: 'env' } },
        });
  return {
    directory: acme.directory,
    domains:
      acme.domains ??
      acmeDomains(
        publicUrl,
        routes.map(({ host }) => host),
      ),
    contact: acme.contact,
    challenge: acme.challenge ?? (redirect === undefined ? 'tls-alpn-01' : 'http-01'),
    externalAccount:
      externalAccount === undefined
        ? undefined
        : { keyId: externalAccount.keyId, macKey: resolved?.env[variable] ?? '' },
    ca: acme.ca === undefined ? undefined : readFileSync(resolve(dirname(manifestPath), acme.ca), 'utf8'),
  };
}
