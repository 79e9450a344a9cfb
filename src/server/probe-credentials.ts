import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import type { ProbeCredentials, ProbeRequest } from '../api/admin.ts';
import { serviceId } from '../control/index.ts';
import { sleep } from '../core/clock.ts';
import { randomToken } from '../core/ids.ts';
import { proveKey } from '../identity/index.ts';
import type { ControlParts } from './control-parts.ts';

const lifeSeconds = 60;

/** Credentials for `merlon prove`. Each is written to the ledger as what it is. */
export async function mintProbeCredentials(request: ProbeRequest, parts: ControlParts): Promise<ProbeCredentials> {
  const { foundation } = parts;
  foundation.emit({
    actor: { kind: 'operator', id: 'admin-token' },
    action: 'probe.mint',
    target: targetOf(request),
    outcome: 'success',
    detail: { kind: request.kind },
  });
  if (request.kind === 'svid') return mintSvid(request, parts);
  if (request.kind === 'access-token') return mintAccessToken(request, parts);
  if (request.kind === 'api-key') return mintApiKey(request, parts);
  return { token: (await foundation.secrets.login(serviceIdOf(request.service, parts))).secret };
}

function targetOf(request: ProbeRequest): string {
  if (request.kind === 'access-token') return request.subject;
  return request.kind === 'api-key' ? probeClient : request.service;
}

const probeClient = 'merlon-prove';

/** The key is known, or no longer known, to every gateway worker when this resolves. */
async function mintApiKey(
  { roles, scopes, revoked }: Extract<ProbeRequest, { kind: 'api-key' }>,
  parts: ControlParts,
): Promise<ProbeCredentials> {
  const { apiKeys } = parts.provider;
  const { key, record } = await apiKeys.mint({
    label: 'merlon prove',
    client: probeClient,
    roles,
    scopes,
    ttlSeconds: lifeSeconds,
  });
  await isInForce(parts);
  if (revoked) {
    await apiKeys.revoke(record.id);
    await isInForce(parts);
  }
  return { token: key };
}

const inForceMs = 5000;
const lookMs = 20;

/** Waits until every gateway worker runs what follows from the store now. */
async function isInForce({ publisher, distributor, options: { clock } }: ControlParts): Promise<void> {
  const { version } = await publisher.reload();
  const endMs = clock.monotonic() + inForceMs;
  const lags = (): boolean => distributor.roles.some((role) => role.role === 'gateway' && role.version !== version);
  while (lags() && clock.monotonic() < endMs) await sleep(clock, lookMs);
}

function serviceIdOf(service: string, { publisher }: ControlParts): string {
  return serviceId(publisher.current().manifest.trustDomain, service);
}

async function mintSvid(
  { service, expired }: Extract<ProbeRequest, { kind: 'svid' }>,
  parts: ControlParts,
): Promise<ProbeCredentials> {
  const { foundation, options } = parts;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const spiffeId = serviceIdOf(service, parts);
  const nonce = randomToken();
  const svid = await foundation.authority.issueX509Svid({
    spiffeId,
    publicKey,
    proof: { nonce, signature: proveKey(privateKey, { nonce, spiffeId, publicKey }) },
    actor: { kind: 'operator', id: 'admin-token' },
    ...(expired ? { notAfterMs: options.clock.now() - 60_000 } : { ttlSeconds: lifeSeconds }),
  });
  return { certificate: svid.chain, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
}

async function mintAccessToken(
  request: Extract<ProbeRequest, { kind: 'access-token' }>,
  parts: ControlParts,
): Promise<ProbeCredentials> {
  const { provider, options, publisher } = parts;
  const nowSeconds = Math.trunc(options.clock.now() / 1000);
  const claims: Record<string, unknown> = {
    iss: provider.issuer,
    sub: request.subject,
    aud: publisher.current().manifest.audience,
    client_id: 'merlon-prove',
    scope: request.scopes.join(' '),
    roles: request.roles,
    iat: nowSeconds,
    exp: nowSeconds + lifeSeconds,
    jti: randomToken(16),
    ...request.claims,
  };
  for (const name of Object.keys(claims)) if (claims[name] === null) delete claims[name];
  if (request.key === 'foreign') return { token: await signForeign(claims, request.header) };
  const token = await provider.embedded?.signToken(claims, request.header);
  return token === undefined ? {} : { token };
}

/** Signed with a key that nobody trusts, under a name that somebody might. */
async function signForeign(
  claims: Readonly<Record<string, unknown>>,
  header: Readonly<Record<string, unknown>>,
): Promise<string> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'foreign', ...header })
    .sign(privateKey);
}
