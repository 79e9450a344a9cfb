import { CryptoError } from './errors.ts';

// A bundle of a few hundred certificates fits; what does not is no PEM that anyone means.
const maxPemBytes = 1024 * 1024;
const begin = /^-----BEGIN ([A-Z0-9 ]{1,40})-----$/;
const base64Line = /^[A-Za-z0-9+/]{1,76}={0,2}$/;

/** One block of PEM. */
export interface PemBlock {
  /** `CERTIFICATE`, `PRIVATE KEY`. */
  readonly label: string;
  readonly bytes: Buffer;
}

/** The PEM of `bytes` under `label` (RFC 7468), ending with a line break. */
export function formatPem(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

/**
 * The blocks of `text`, in order (RFC 7468). Text between blocks is passed over, as in bundles with comments; inside a
 * block nothing but base64 is taken. Throws `pem.malformed`.
 */
export function parsePem(text: string): PemBlock[] {
  if (text.length > maxPemBytes) throw new CryptoError('pem.malformed', 'the PEM text is too long');
  const blocks: PemBlock[] = [];
  let open: { label: string; body: string[] } | undefined;
  for (const line of text.split('\n').map((raw) => raw.trimEnd())) {
    const label = begin.exec(line)?.[1];
    if (open === undefined) {
      if (label !== undefined) open = { label, body: [] };
    } else if (line === `-----END ${open.label}-----`) {
      blocks.push({ label: open.label, bytes: decodeBody(open.body) });
      open = undefined;
    } else open.body.push(line);
  }
  if (open !== undefined) throw new CryptoError('pem.malformed', `the PEM block \`${open.label}\` does not end`);
  return blocks;
}

function decodeBody(lines: readonly string[]): Buffer {
  const text = lines.join('');
  const bytes = Buffer.from(text, 'base64');
  const strict = lines.every((line) => base64Line.test(line)) && bytes.toString('base64') === text;
  if (!strict || bytes.length === 0)
    throw new CryptoError('pem.malformed', 'a PEM block holds something other than base64');
  return bytes;
}

/** The certificates of `text` as DER, in order; at least one. Throws `pem.malformed`. */
export function parseCertificatesPem(text: string): Buffer[] {
  const found = parsePem(text).filter(({ label }) => label === 'CERTIFICATE');
  if (found.length === 0) throw new CryptoError('pem.malformed', 'the PEM text holds no certificate');
  return found.map(({ bytes }) => bytes);
}

/** Certificates as one PEM text, in order. */
export function formatCertificatesPem(ders: readonly Uint8Array[]): string {
  return ders.map((der) => formatPem('CERTIFICATE', der)).join('');
}
