import { X509Certificate } from 'node:crypto';
import type { ClientCertificate } from '../api/record.ts';
import type { PeerCertificate } from '../net/index.ts';

const mostNames = 16;
const longestText = 256;

/** A certificate that a caller showed and the listener has verified, as policies, records and services are told of it. */
export interface ShownCertificate {
  readonly facts: ClientCertificate;
  /** Byte sequence (RFC 8941) of its DER, as the field `Client-Cert` carries it (RFC 9440). */
  readonly field: string;
}

// One for each connection: what is read from it is read once.
const known = new WeakMap<PeerCertificate, ShownCertificate>();

/** What `peer` says. */
export function shownCertificate(peer: PeerCertificate): ShownCertificate {
  let shown = known.get(peer);
  if (shown === undefined) known.set(peer, (shown = read(peer)));
  return shown;
}

function read({ leaf }: PeerCertificate): ShownCertificate {
  const certificate = new X509Certificate(leaf);
  const facts: ClientCertificate = {
    subject: certificate.subject?.split('\n').reverse().join(',').slice(0, longestText) ?? '',
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    names: namesOf(certificate.subjectAltName ?? ''),
  };
  return { facts, field: `:${leaf.toString('base64')}:` };
}

/** `DNS:robot.example, URI:spiffe://...` without its kinds. Node quotes what could be mistaken for a comma; such a name is left out. */
function namesOf(text: string): string[] {
  return text
    .split(', ')
    .filter((name) => !name.includes('"') && name.includes(':'))
    .map((name) => name.slice(name.indexOf(':') + 1).slice(0, longestText))
    .slice(0, mostNames);
}
