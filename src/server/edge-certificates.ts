import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { GatewaySnapshot, NamedCertificate } from '../api/snapshot.ts';
import { type AcmeConfig, type AcmeKeeper, readCertificate, readNamedCertificate } from '../control/index.ts';
import type { Clock } from '../core/clock.ts';
import { type CertificateWithKey, mintServerCertificate } from '../crypto/index.ts';
import type { Manifest } from '../manifest/index.ts';
import type { Foundation } from './control-foundation.ts';

export interface EdgeCertificates {
  readonly certificate: GatewaySnapshot['certificate'];
  readonly certificates: readonly NamedCertificate[];
  readonly clientCa: string | undefined;
  /** What of it was read from files, whose change is to be noticed. */
  readonly files: readonly string[];
}

interface Facts {
  readonly foundation: Foundation;
  readonly clock: Clock;
  readonly acme: AcmeKeeper;
  readonly acmeConfig: AcmeConfig | undefined;
}

/** The certificates of the public port, wherever the manifest has them from. Throws where one cannot be had. */
export async function readEdgeCertificates(
  manifest: Manifest,
  folder: string,
  facts: Facts,
): Promise<EdgeCertificates> {
  const { certificate, certificates, clientCertificates, acme } = manifest.gateway;
  const pairs = [...(typeof certificate === 'object' ? [certificate] : []), ...certificates];
  const roots = [clientCertificates?.ca, acme?.ca].filter((path) => path !== undefined);
  return {
    certificate: await edgeCertificate(manifest, folder, facts),
    certificates: certificates.map((files) => readNamedCertificate(folder, files)),
    clientCa:
      clientCertificates === undefined ? undefined : readFileSync(resolve(folder, clientCertificates.ca), 'utf8'),
    // Whoever renews a certificate writes its files anew.
    files: [...pairs.flatMap(({ cert, key }) => [cert, key]), ...roots].map((path) => resolve(folder, path)),
  };
}

const edgeCertificateAt = 'crypto/edge-certificate';
const renewBeforeMs = 30 * 86_400_000;

async function edgeCertificate(
  manifest: Manifest,
  folder: string,
  facts: Facts,
): Promise<GatewaySnapshot['certificate']> {
  const { certificate, listen } = manifest.gateway;
  if (listen.scheme === 'http') return undefined;
  if (typeof certificate === 'object') return readCertificate(folder, certificate);
  const issued = facts.acmeConfig && facts.acme.certificateFor(facts.acmeConfig);
  if (issued !== undefined) return { certificate: issued.certificatePem, key: issued.privateKeyPem };
  // The port is to be open while the first certificate is being had: the authority asks for proof on it.
  return developmentCertificate(manifest, facts);
}

async function developmentCertificate(
  { gateway: { publicUrl }, routes }: Manifest,
  { foundation, clock }: Facts,
): Promise<{ certificate: string; key: string }> {
  const hosts = [
    ...new Set([
      new URL(publicUrl).hostname,
      'localhost',
      '127.0.0.1',
      '::1',
      ...routes.flatMap(({ host }) => (host === undefined ? [] : [host])),
    ]),
  ];
  const kept = await foundation.store.get(edgeCertificateAt);
  const held =
    kept === undefined
      ? undefined
      : (JSON.parse(Buffer.from(kept.value).toString()) as CertificateWithKey & { hosts: string[]; ca: string });
  const usable =
    held !== undefined &&
    held.notAfterMs > clock.now() + renewBeforeMs &&
    held.hosts.join() === hosts.join() &&
    held.ca === foundation.developmentCa.certificatePem;
  const minted = usable
    ? held
    : {
        ...mintServerCertificate(foundation.developmentCa, { hosts, nowMs: clock.now() }),
        hosts,
        ca: foundation.developmentCa.certificatePem,
      };
  if (!usable) await foundation.store.write([{ put: edgeCertificateAt, value: Buffer.from(JSON.stringify(minted)) }]);
  return { certificate: minted.certificatePem, key: minted.privateKeyPem };
}
