import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import type { AcmeChallenge } from '../../api/edge-tls.ts';
import { encodeBase64Url } from '../../core/bytes.ts';
import { type Clock, sleep } from '../../core/clock.ts';
import {
  type CertificateWithKey,
  encodeCertificationRequest,
  exportPrivateKey,
  formatPem,
  generateKeyPair,
  importPrivateKey,
  mintChallengeCertificate,
  parsePem,
} from '../../crypto/index.ts';
import { AcmeError, saidBy } from './errors.ts';
import type { PresentChallenges } from './ports.ts';
import { type AcmeAnswer, type AcmeSession, readProblem, urlIn } from './session.ts';

export type ChallengeType = AcmeChallenge['type'];

/** An order under way, as it is kept: a restart goes on with it. `privateKeyPem` is secret. */
export interface KeptOrder {
  readonly url: string;
  readonly directory: string;
  readonly domains: readonly string[];
  /** Key of the certificate to come. */
  readonly privateKeyPem: string;
}

export interface IssuedCertificate extends CertificateWithKey {
  readonly notBeforeMs: number;
}

export interface OrderOptions {
  readonly session: AcmeSession;
  readonly clock: Clock;
  readonly present: PresentChallenges;
  readonly challenge: ChallengeType;
  readonly isStopped: () => boolean;
}

const firstPollMs = 1000;
const longestPollMs = 15_000;
const patienceMs = 300_000;

/** Places an order for `domains` (RFC 8555, section 7.4). `replaces`: the certificate that it takes the place of (RFC 9773, section 5). */
export async function placeOrder(
  session: AcmeSession,
  directory: string,
  domains: readonly string[],
  replaces: string | undefined,
): Promise<KeptOrder> {
  const { newOrder } = await session.directory();
  const identifiers = domains.map((value) => ({ type: 'dns', value }));
  const { location } = await session.post(newOrder, { identifiers, ...(replaces === undefined ? {} : { replaces }) });
  if (location === undefined) throw new AcmeError('acme.protocol', 'the certificate authority names no order');
  const { privateKey } = generateKeyPair('P-256');
  const privateKeyPem = formatPem('PRIVATE KEY', exportPrivateKey(privateKey));
  return { url: urlIn({ location }, 'location'), directory, domains, privateKeyPem };
}

/** Takes an order to its certificate, wherever it stands. Throws `acme.challenge-failed`, `acme.order-failed` and others of ACME. */
export async function completeOrder(order: KeptOrder, options: OrderOptions): Promise<IssuedCertificate> {
  const { session } = options;
  let state = (await session.post(order.url)).json();
  if (state.status === 'pending') {
    await proveAll(textsIn(state, 'authorizations'), options);
    state = await poll(order.url, ({ status }) => status !== 'pending', options);
  }
  if (state.status === 'ready') {
    const request = encodeCertificationRequest(keysOf(order), order.domains);
    await session.post(urlIn(state, 'finalize'), { csr: encodeBase64Url(request) });
    state = await poll(order.url, ({ status }) => status !== 'ready', options);
  }
  if (state.status === 'processing') state = await poll(order.url, ({ status }) => status !== 'processing', options);
  if (state.status !== 'valid') throw orderFailed(state);
  const { text } = await session.post(urlIn(state, 'certificate'), undefined, 'application/pem-certificate-chain');
  return checked(text, order, options.clock.now());
}

function orderFailed({ status, error }: Readonly<Record<string, unknown>>): AcmeError {
  const problem = readProblem(error, 0);
  return new AcmeError(
    'acme.order-failed',
    `the order ended as \`${saidBy(status)}\`: ${problem.detail || 'no reason given'}`,
    {
      problem,
    },
  );
}

/** Answers one challenge of each authorization that is pending: all answers are in place before the first is asked for. */
async function proveAll(urls: readonly string[], options: OrderOptions): Promise<void> {
  const pending: { url: string; challengeUrl: string; domain: string }[] = [];
  const answers: AcmeChallenge[] = [];
  for (const url of urls) {
    const authorization = (await options.session.post(url)).json();
    if (authorization.status === 'valid') continue;
    const domain = domainOf(authorization);
    const { url: challengeUrl, token } = challengeOf(authorization, domain, options.challenge);
    answers.push(await answerOf(domain, token, options));
    pending.push({ url, challengeUrl, domain });
  }
  if (pending.length === 0) return;
  try {
    await options.present(answers);
    for (const { challengeUrl } of pending) await options.session.post(challengeUrl, {});
    for (const { url, domain } of pending) await convinced(url, domain, options);
  } finally {
    await options.present([]);
  }
}

async function answerOf(
  domain: string,
  token: string,
  { session, clock, challenge }: OrderOptions,
): Promise<AcmeChallenge> {
  const keyAuthorization = await session.keyAuthorization(token);
  if (challenge === 'http-01') return { type: challenge, domain, token, keyAuthorization };
  const { certificatePem, privateKeyPem } = mintChallengeCertificate(domain, keyAuthorization, clock.now());
  return { type: challenge, domain, certificate: certificatePem, key: privateKeyPem };
}

async function convinced(url: string, domain: string, options: OrderOptions): Promise<void> {
  const { status, challenges } = await poll(url, (state) => state.status !== 'pending', options);
  if (status === 'valid') return;
  const failed = listOf(challenges).find(({ error }) => error !== undefined);
  const problem = readProblem(failed?.error, 0);
  throw new AcmeError(
    'acme.challenge-failed',
    `the certificate authority could not verify \`${domain}\` (${problem.type}): ${problem.detail}`,
    {
      problem,
      hint:
        options.challenge === 'http-01'
          ? 'the name must lead here, and port 80 of it to `gateway.redirect`'
          : 'the name must lead here, and port 443 of it to `gateway.listen` without anything in between that ends TLS',
    },
  );
}

function domainOf({ identifier }: Readonly<Record<string, unknown>>): string {
  const value = (identifier as { value?: unknown } | undefined)?.value;
  if (typeof value === 'string') return value;
  throw new AcmeError('acme.protocol', 'an authorization names nothing');
}

function challengeOf(
  { challenges }: Readonly<Record<string, unknown>>,
  domain: string,
  wanted: ChallengeType,
): { url: string; token: string } {
  const offered = listOf(challenges);
  const challenge = offered.find(({ type }) => type === wanted);
  if (challenge === undefined)
    throw new AcmeError('acme.refused', `the certificate authority does not offer \`${wanted}\` for \`${domain}\``, {
      hint: `it offers ${offered.map(({ type }) => saidBy(type)).join(', ') || 'nothing'}; set \`acme.challenge\``,
    });
  const { token } = challenge;
  // RFC 8555, section 8.3: base64url; anything else could be a path.
  if (typeof token !== 'string' || !/^[A-Za-z0-9_-]{16,512}$/.test(token))
    throw new AcmeError('acme.protocol', 'the token of a challenge is not base64url');
  return { url: urlIn(challenge, 'url'), token };
}

/** Asks until `done`, as often as the authority allows. Throws `acme.unreachable` where it takes too long. */
async function poll(
  url: string,
  done: (state: Readonly<Record<string, unknown>>) => boolean,
  { session, clock, isStopped }: OrderOptions,
): Promise<Readonly<Record<string, unknown>>> {
  const end = clock.monotonic() + patienceMs;
  for (let waitMs = firstPollMs; ; waitMs = Math.min(longestPollMs, waitMs * 1.5)) {
    const answer: AcmeAnswer = await session.post(url);
    const state = answer.json();
    if (done(state)) return state;
    if (isStopped()) throw new AcmeError('acme.unreachable', 'given up: this process ends');
    if (clock.monotonic() > end)
      throw new AcmeError('acme.unreachable', 'the certificate authority does not come to an end');
    await sleep(clock, Math.min(longestPollMs, answer.retryAfterMs ?? waitMs));
  }
}

function keysOf({ privateKeyPem }: KeptOrder) {
  const privateKey = importPrivateKey(parsePem(privateKeyPem)[0]?.bytes ?? new Uint8Array());
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

/** A certificate is put in force only where it is ours, for all names, and valid now. */
function checked(chain: string, { domains, privateKeyPem }: KeptOrder, nowMs: number): IssuedCertificate {
  let leaf: X509Certificate;
  try {
    leaf = new X509Certificate(chain);
  } catch {
    throw new AcmeError('acme.bad-certificate', 'the certificate authority gives no certificate');
  }
  const missing = domains.filter((domain) => leaf.checkHost(domain, { subject: 'never' }) === undefined);
  if (missing.length > 0)
    throw new AcmeError(
      'acme.bad-certificate',
      `the new certificate does not name ${missing.map((name) => `\`${name}\``).join(', ')}`,
    );
  if (!leaf.checkPrivateKey(createPrivateKey(privateKeyPem)))
    throw new AcmeError('acme.bad-certificate', 'the new certificate is for another key');
  const [notBeforeMs, notAfterMs] = [Date.parse(leaf.validFrom), Date.parse(leaf.validTo)];
  if (notAfterMs <= nowMs) throw new AcmeError('acme.bad-certificate', 'the new certificate has expired already');
  return { certificatePem: chain, privateKeyPem, notBeforeMs, notAfterMs };
}

function listOf(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'object' && each !== null) : [];
}

function textsIn(json: Readonly<Record<string, unknown>>, name: string): string[] {
  const value = json[name];
  const texts = Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
  return texts.map((url) => urlIn({ [name]: url }, name));
}
