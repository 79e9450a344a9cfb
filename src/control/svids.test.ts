import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { createTestAuthority } from '../../test/fakes/identity.ts';
import { manifestOf, shopText } from '../../test/fakes/manifest.ts';
import type { RoleName } from '../api/channel.ts';
import { encodeBase64Url } from '../core/bytes.ts';
import { MerlonError } from '../core/errors.ts';
import { exportPublicKey, generateKeyPair } from '../crypto/index.ts';
import type { RolePeer } from '../distribution/control.ts';
import { proveKey } from '../identity/index.ts';
import { compileAgentSnapshot, portPurposes } from './compile/agent.ts';
import { answerSvidRequest, type IssueSvid, mayRequestSvid, type SvidRequest } from './svids.ts';

const manifest = manifestOf(shopText);
const purposes = portPurposes(manifest);
const agent = compileAgentSnapshot(manifest, (purpose) => 20_000 + purposes.indexOf(purpose), '');

const domain = 'spiffe://shop.example';
const nobody: readonly string[] = [
  `${domain}/merlon/control`,
  `${domain}/service/unknown`,
  `${domain}/service/orders/`,
  `${domain}/service/ORDERS`,
  `${domain}`,
  'spiffe://evil.example/service/orders',
  'spiffe://evil.example/merlon/gateway',
  '',
];
const ids = {
  gateway: `${domain}/merlon/gateway`,
  agent: `${domain}/merlon/agent`,
  orders: `${domain}/service/orders`,
  payments: `${domain}/service/payments`,
  catalog: `${domain}/service/catalog-search`,
};

describe('who may ask for which SPIFFE ID', () => {
  const may: Readonly<Record<RoleName, readonly string[]>> = {
    gateway: [ids.gateway],
    agent: [ids.agent, ids.orders, ids.payments, ids.catalog],
    supervisor: [],
  };
  for (const role of ['gateway', 'agent', 'supervisor'] as const)
    test.each([...Object.values(ids), ...nobody])(`${role}: %s`, (spiffeId) =>
      expect(mayRequestSvid(role, spiffeId, agent)).toBe(may[role].includes(spiffeId)),
    );
});

describe('an answer', () => {
  const nonce = 'the-nonce-of-the-connection';
  const peer = (role: RoleName): RolePeer => ({
    role,
    name: '1',
    nonce,
    send: () => undefined,
    close: () => undefined,
  });
  const keys = generateKeyPair('P-256');
  const publicKey = exportPublicKey(keys.publicKey);
  const ask = (spiffeId: string, signed = { nonce, spiffeId }): SvidRequest => ({
    request: 7,
    spiffeId,
    publicKey: encodeBase64Url(publicKey),
    proof: encodeBase64Url(proveKey(keys.privateKey, { ...signed, publicKey })),
  });
  const authority = createTestAuthority(new ManualClock());
  const issue: IssueSvid = async ({ spiffeId, publicKey: key, proof, nonce: signed }) =>
    (await authority).issueX509Svid({ spiffeId, publicKey: key, proof: { nonce: signed, signature: proof } });

  test('is an SVID where the key is proved and the role may have it', async () => {
    const answer = await answerSvidRequest(peer('agent'), ask(ids.orders), agent, issue);
    expect(answer).toMatchObject({ type: 'svid', request: 7, chain: expect.stringContaining('BEGIN CERTIFICATE') });
  });

  test.each([
    ['a proof for another connection', ask(ids.orders, { nonce: 'another', spiffeId: ids.orders })],
    ['a proof for another name', ask(ids.orders, { nonce, spiffeId: ids.payments })],
    ['no proof', { ...ask(ids.orders), proof: '' }],
    ['a key that is none', { ...ask(ids.orders), publicKey: 'AAAA' }],
    ['a key that is not base64url', { ...ask(ids.orders), publicKey: '+/==' }],
    ['a proof that is not base64url', { ...ask(ids.orders), proof: '{}' }],
  ])('is a refusal for %s', async (_, request) => {
    const answer = await answerSvidRequest(peer('agent'), request, agent, issue);
    expect(answer).toMatchObject({ type: 'svid-refused', request: 7 });
  });

  test('is a refusal, and nothing is issued, where the role may not have it', async () => {
    let issued = 0;
    const count: IssueSvid = (request) => {
      issued++;
      return issue(request);
    };
    const forbidden: [RoleName, string][] = [
      ['gateway', ids.orders],
      ['gateway', ids.agent],
      ['supervisor', ids.gateway],
      ['agent', ids.gateway],
    ];
    for (const [role, id] of forbidden) {
      const answer = await answerSvidRequest(peer(role), ask(id), agent, count);
      expect(answer).toMatchObject({ type: 'svid-refused', code: 'control.svid-refused' });
    }
    expect(await answerSvidRequest(peer('agent'), ask(ids.orders), undefined, count)).toMatchObject({
      type: 'svid-refused',
    });
    expect(issued).toBe(0);
  });

  test('never throws: what the authority says becomes a refusal', async () => {
    const refusal = new MerlonError({ code: 'identity.x', message: 'no', detail: 'hunter2' });
    const failing = async (error: Error) =>
      answerSvidRequest(peer('gateway'), ask(ids.gateway), agent, () => Promise.reject(error));
    expect(await failing(refusal)).toEqual({ type: 'svid-refused', request: 7, code: 'identity.x', message: 'no' });
    expect(await failing(new Error('broken'))).toMatchObject({ code: 'control.svid-failed' });
  });

  test('shows no more of an overlong name than a line', async () => {
    const answer = await answerSvidRequest(peer('gateway'), ask('x'.repeat(4000)), agent, issue);
    expect(JSON.stringify(answer).length).toBeLessThan(500);
  });
});
