import { X509Certificate } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { createTestAuthority } from '../../test/fakes/identity.ts';
import { manifestOf, shopText } from '../../test/fakes/manifest.ts';
import { type ProbeCredentials, type ProbeRequest, probeRequest } from '../api/admin.ts';
import type { ControlParts } from './control-parts.ts';
import { mintProbeCredentials } from './probe-credentials.ts';

const clock = new ManualClock();
const manifest = manifestOf(shopText);

interface Minted {
  readonly credentials: ProbeCredentials;
  readonly events: { readonly action: string; readonly target: string }[];
}

async function mint(request: unknown): Promise<Minted> {
  const events: Minted['events'] = [];
  const authority = await createTestAuthority(clock);
  const parts = {
    options: { clock },
    publisher: { current: () => ({ manifest }) },
    provider: { issuer: 'https://localhost:8443/oidc', embedded: undefined },
    foundation: { authority, emit: (event: Minted['events'][number]) => void events.push(event) },
  } as unknown as ControlParts;
  return { credentials: await mintProbeCredentials(probeRequest.parse(request) as ProbeRequest, parts), events };
}

const claimsOf = async (change: object = {}): Promise<Record<string, unknown>> => {
  const { credentials } = await mint({ kind: 'access-token', subject: 'alice', key: 'foreign', ...change });
  return decodeJwt(credentials.token as string);
};

test('an SVID lives a minute; one that is to be expired is', async () => {
  const lifeOf = async (expired: boolean): Promise<[string, number]> => {
    const { credentials } = await mint({ kind: 'svid', service: 'orders', expired });
    const leaf = new X509Certificate(credentials.certificate as string);
    expect(credentials.key).toContain('BEGIN PRIVATE KEY');
    return [leaf.subjectAltName as string, Date.parse(leaf.validTo) - clock.now()];
  };
  const [name, left] = await lifeOf(false);
  expect(name).toBe('URI:spiffe://shop.example/service/orders');
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThanOrEqual(60_000);
  expect((await lifeOf(true))[1]).toBeLessThan(0);
});

test('a token carries what the attack wants; null takes a claim away', async () => {
  const seconds = Math.trunc(clock.now() / 1000);
  expect(await claimsOf({ roles: ['support'], scopes: ['a', 'b'] })).toMatchObject({
    iss: 'https://localhost:8443/oidc',
    sub: 'alice',
    aud: manifest.audience,
    scope: 'a b',
    roles: ['support'],
    exp: seconds + 60,
  });
  const changed = await claimsOf({ claims: { iss: 'https://evil.example', exp: null } });
  expect([changed.iss, 'exp' in changed]).toEqual(['https://evil.example', false]);
});

test('a key that nobody trusts signs under the name that was asked for', async () => {
  const { credentials } = await mint({
    kind: 'access-token',
    subject: 'alice',
    key: 'foreign',
    header: { kid: 'the-real-one' },
  });
  expect(decodeProtectedHeader(credentials.token as string)).toMatchObject({ alg: 'ES256', kid: 'the-real-one' });
});

test('without an embedded issuer there is no token in its name', async () => {
  expect((await mint({ kind: 'access-token', subject: 'alice' })).credentials).toEqual({});
});

test('each is written to the ledger as what it is, and without the credential', async () => {
  const { credentials, events } = await mint({ kind: 'svid', service: 'orders' });
  expect(events[0]).toMatchObject({ action: 'probe.mint', target: 'orders', detail: { kind: 'svid' } });
  expect(JSON.stringify(events)).not.toContain((credentials.key as string).slice(40, 80));
});
