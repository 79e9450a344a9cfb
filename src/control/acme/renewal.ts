import { encodeBase64Url } from '../../core/bytes.ts';
import { parseCertificate, parseCertificatesPem } from '../../crypto/index.ts';
import { AcmeError } from './errors.ts';
import type { IssuedCertificate } from './order.ts';
import type { AcmeSession } from './session.ts';

// Past this part of its life a certificate is renewed, where its authority does not say better; less up to a twentieth of it,
// so that not everybody comes at once.
const dueAt = 0.62;
const spread = 0.05;

/** When a certificate is due by its own life, epoch milliseconds. `random`: from 0 up to 1. */
export function dueByLife({ notBeforeMs, notAfterMs }: IssuedCertificate, random: number): number {
  return notBeforeMs + (notAfterMs - notBeforeMs) * (dueAt - spread * random);
}

/** The name under which the authority knows a certificate (RFC 9773, section 4.1); undefined where it names no issuer's key. */
export function renewalName(certificatePem: string): string | undefined {
  const [leaf] = parseCertificatesPem(certificatePem);
  if (leaf === undefined) return undefined;
  const { serial, extensions } = parseCertificate(leaf);
  const keyId = extensions.authorityKeyId?.id;
  if (keyId === undefined) return undefined;
  // The serial number as DER has it: a leading zero where the first bit is set.
  const digits = Buffer.from(serial, 'hex');
  const bytes = (digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), digits]) : digits;
  return `${encodeBase64Url(Buffer.from(keyId))}.${encodeBase64Url(bytes)}`;
}

/** When the authority would have a certificate renewed, and when to ask again. */
export interface RenewalAdvice {
  readonly dueMs: number;
  readonly askAgainAfterMs: number;
}

const askAgainMs = 6 * 3_600_000;
const soonestAskMs = 60_000;

/**
 * A moment within the window that the authority suggests (RFC 9773, section 4.2), or undefined where it offers no such advice.
 * Throws `acme.*` where it does not answer.
 */
export async function askForAdvice(
  session: AcmeSession,
  certificatePem: string,
  random: number,
): Promise<RenewalAdvice | undefined> {
  const { renewalInfo } = await session.directory();
  const name = renewalName(certificatePem);
  if (renewalInfo === undefined || name === undefined) return undefined;
  const answer = await session.get(`${renewalInfo.replace(/\/$/, '')}/${name}`);
  const { suggestedWindow } = answer.json();
  const { start, end } = (suggestedWindow ?? {}) as { start?: unknown; end?: unknown };
  const [from, to] = [Date.parse(String(start)), Date.parse(String(end))];
  if (!(from < to)) throw new AcmeError('acme.protocol', 'the certificate authority suggests no time of renewal');
  return {
    dueMs: from + (to - from) * random,
    askAgainAfterMs: Math.max(soonestAskMs, Math.min(askAgainMs, answer.retryAfterMs ?? askAgainMs)),
  };
}
