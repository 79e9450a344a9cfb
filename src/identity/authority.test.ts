import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { createTestAuthority, type HeldSvid, type TestAuthority } from '../../test/fakes/identity.ts';
import { MemoryStore } from '../../test/fakes/store.ts';
import { hasCode } from '../core/errors.ts';
import { exportPublicKey, generateKeyPair, parseCertificate } from '../crypto/index.ts';
import { openSqliteStore, type Store } from '../storage/index.ts';
import { compileBundles } from './bundle.ts';
import { createExpiryLedger, expiringAuthorities } from './expiry-ledger.ts';
import { proveKey } from './proof.ts';
import { isTainted, verifyX509Svid } from './verify-x509.ts';

const orders = 'spiffe://shop.example/service/orders';
const hour = 3_600_000;
const day = 24 * hour;
const code = (expected: string) => (error: unknown) => hasCode(error, expected);

async function verdictOf(authority: TestAuthority, { chainDer }: HeldSvid, nowMs: number): Promise<string> {
  const verdict = verifyX509Svid(chainDer, compileBundles([await authority.bundle()]), nowMs);
  return 'spiffeId' in verdict ? verdict.spiffeId : verdict.code;
}

describe('issuing X.509-SVIDs', () => {
  it('gives a leaf of an hour that names one workload and nothing else', async () => {
    const clock = new ManualClock();
    const authority = await createTestAuthority(clock);
    const svid = await authority.issue(orders);
    const leaf = new X509Certificate(svid.chainDer[0] as Uint8Array);
    expect(leaf.subjectAltName).toBe(`URI:${orders}`);
    expect(leaf.subject).toBeUndefined();
    expect(leaf.ca).toBe(false);
    const { basicConstraints, keyUsage, extendedKeyUsage, subjectAltName } = parseCertificate(leaf.raw).extensions;
    expect([basicConstraints?.ca, keyUsage?.critical, subjectAltName?.critical]).toEqual([false, true, true]);
    expect([...(keyUsage?.usages ?? [])]).toEqual(['digitalSignature']);
    expect(extendedKeyUsage?.purposes.size).toBe(2);
    expect([svid.notBeforeMs, svid.notAfterMs]).toEqual([clock.now() - 60_000, clock.now() + hour]);
    expect([leaf.validFromDate.getTime(), leaf.validToDate.getTime()]).toEqual([svid.notBeforeMs, svid.notAfterMs]);
    expect(await verdictOf(authority, svid, clock.now())).toBe(orders);
  });

  it('tells the ledger of success and of refusal, without keys', async () => {
    const authority = await createTestAuthority(new ManualClock());
    await authority.issue(orders, { actor: { kind: 'workload', id: 'spiffe://shop.example/merlon/agent' } });
    await expect(authority.issue(orders, { ttlSeconds: 1 })).rejects.toSatisfy(code('identity.invalid-lifetime'));
    expect(authority.events).toMatchObject([
      { action: 'svid.issue', target: orders, outcome: 'success', actor: { id: 'spiffe://shop.example/merlon/agent' } },
      { action: 'svid.issue', target: orders, outcome: 'failure', detail: { code: 'identity.invalid-lifetime' } },
    ]);
  });

  it('keeps to the lifetimes that are allowed', async () => {
    const clock = new ManualClock();
    const authority = await createTestAuthority(clock);
    expect((await authority.issue(orders, { ttlSeconds: 86_400 })).notAfterMs).toBe(clock.now() + day);
    for (const ttlSeconds of [0, -5, 59, 86_401, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
      await expect(authority.issue(orders, { ttlSeconds })).rejects.toSatisfy(code('identity.invalid-lifetime'));
  });

  it('issues one that has expired already when asked to, and flags it', async () => {
    const clock = new ManualClock();
    const authority = await createTestAuthority(clock);
    const svid = await authority.issue(orders, { notAfterMs: clock.now() - 60_000 });
    expect(await verdictOf(authority, svid, clock.now())).toBe('x509.expired');
    expect(await verdictOf(authority, svid, clock.now() - 60_000)).toBe(orders);
    expect(authority.events.at(-1)?.detail).toMatchObject({ flaw: 'expired' });
    await expect(authority.issue(orders, { notAfterMs: clock.now() + 1000 })).rejects.toSatisfy(
      code('identity.invalid-lifetime'),
    );
  });

  it.each([
    ['spiffe://other.example/service/orders', 'identity.foreign-trust-domain'],
    ['spiffe://shop.example', 'identity.invalid-spiffe-id'],
    ['spiffe://shop.example/../x', 'identity.invalid-spiffe-id'],
    ['orders', 'identity.invalid-spiffe-id'],
  ])('refuses the identity %s', async (spiffeId, expected) => {
    const authority = await createTestAuthority(new ManualClock());
    await expect(authority.issue(spiffeId)).rejects.toSatisfy(code(expected));
  });
});

describe('proof of possession', () => {
  const nonce = 'a-nonce-that-is-long-enough-to-be-taken';

  it('is demanded: another’s key, another identity, another nonce and a short nonce are refused', async () => {
    const authority = await createTestAuthority(new ManualClock());
    const [own, stolen] = [generateKeyPair('P-256'), generateKeyPair('P-256')];
    const publicKey = exportPublicKey(stolen.publicKey);
    const attempt = (signature: Uint8Array, changed = nonce) =>
      authority.issueX509Svid({ spiffeId: orders, publicKey, proof: { nonce: changed, signature } });
    const good = proveKey(stolen.privateKey, { nonce, spiffeId: orders, publicKey });
    const refused = code('identity.proof-refused');
    await expect(attempt(proveKey(own.privateKey, { nonce, spiffeId: orders, publicKey }))).rejects.toSatisfy(refused);
    await expect(attempt(proveKey(stolen.privateKey, { nonce, spiffeId: `${orders}2`, publicKey }))).rejects.toSatisfy(
      refused,
    );
    await expect(attempt(good, `${nonce}2`)).rejects.toSatisfy(refused);
    await expect(attempt(new Uint8Array())).rejects.toSatisfy(refused);
    const short = proveKey(stolen.privateKey, { nonce: 'short', spiffeId: orders, publicKey });
    await expect(attempt(short, 'short')).rejects.toSatisfy(refused);
    await expect(attempt(good)).resolves.toMatchObject({ spiffeId: orders });
  });

  it.each([
    ['P-256', generateKeyPairSync('ec', { namedCurve: 'P-256' }), true],
    ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' }), true],
    ['RSA 2048', generateKeyPairSync('rsa', { modulusLength: 2048 }), true],
    ['RSA 1024', generateKeyPairSync('rsa', { modulusLength: 1024 }), false],
    ['secp256k1', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }), false],
    ['P-521', generateKeyPairSync('ec', { namedCurve: 'P-521' }), false],
    ['RSA with exponent 3', generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }), false],
  ])('of a %s key', async (_, keys, accepted) => {
    const clock = new ManualClock();
    const authority = await createTestAuthority(clock);
    const publicKey = exportPublicKey(keys.publicKey);
    const signature = proveKey(keys.privateKey, { nonce, spiffeId: orders, publicKey });
    const issued = authority.issueX509Svid({ spiffeId: orders, publicKey, proof: { nonce, signature } });
    if (!accepted) return expect(issued).rejects.toSatisfy(code('identity.key-refused'));
    expect(await verdictOf(authority, (await issued) as HeldSvid, clock.now())).toBe(orders);
  });

  it('refuses Ed25519 and what is no key', async () => {
    const authority = await createTestAuthority(new ManualClock());
    const proof = { nonce, signature: new Uint8Array(64) };
    for (const publicKey of [
      exportPublicKey(generateKeyPair('Ed25519').publicKey),
      new Uint8Array(),
      Buffer.from('key'),
    ])
      await expect(authority.issueX509Svid({ spiffeId: orders, publicKey, proof })).rejects.toSatisfy(
        code('identity.key-refused'),
      );
  });
});

describe('staged rotation', () => {
  it('lets old and new SVIDs verify until the old authority is revoked', async () => {
    const clock = new ManualClock();
    const authority = await createTestAuthority(clock);
    const [oldId] = (await authority.authorities()).map(({ id }) => id) as [string];
    const old = await authority.issue(orders);
    const verdicts = async (...svids: HeldSvid[]) =>
      Promise.all(svids.map((svid) => verdictOf(authority, svid, clock.now())));

    const newId = await authority.prepare('x509');
    expect((await authority.bundle()).x509Authorities).toHaveLength(2);
    const during = await authority.issue(orders);
    expect(await verdicts(old, during)).toEqual([orders, orders]);

    await authority.activate('x509');
    const fresh = await authority.issue(orders);
    expect(await verdicts(old, during, fresh)).toEqual([orders, orders, orders]);
    const root = (svid: HeldSvid) => parseCertificate(svid.chainDer[1] as Uint8Array).extensions.authorityKeyId?.id;
    expect(Buffer.from(root(fresh) ?? []).toString('hex')).toBe(newId);

    await authority.taint('x509', oldId);
    const { tainted } = await authority.bundle();
    expect(tainted).toEqual([oldId]);
    expect([isTainted(old.chainDer, tainted), isTainted(fresh.chainDer, tainted)]).toEqual([true, false]);
    expect(await verdicts(old, fresh)).toEqual([orders, orders]);

    await authority.revoke('x509', oldId);
    expect((await authority.bundle()).x509Authorities).toHaveLength(1);
    expect(await verdicts(old, fresh)).toEqual(['x509.untrusted', orders]);
    expect(authority.events.map(({ action }) => action)).toEqual([
      'svid.issue',
      'authority.prepare',
      'svid.issue',
      'authority.activate',
      'svid.issue',
      'authority.taint',
      'authority.revoke',
    ]);
  });

  it('refuses steps out of order', async () => {
    const authority = await createTestAuthority(new ManualClock());
    const id = (await authority.authorities())[0]?.id as string;
    const refused = code('identity.rotation-refused');
    await expect(authority.activate('x509')).rejects.toSatisfy(refused);
    await expect(authority.taint('x509', id)).rejects.toSatisfy(refused);
    await expect(authority.revoke('x509', id)).rejects.toSatisfy(refused);
    await authority.prepare('x509');
    await expect(authority.prepare('x509')).rejects.toSatisfy(refused);
    await authority.activate('x509');
    await expect(authority.revoke('x509', id)).rejects.toSatisfy(refused);
    expect(authority.events.filter(({ outcome }) => outcome === 'failure')).toHaveLength(5);
  });

  it('raises the sequence of the bundle with each change of what is believed', async () => {
    const authority = await createTestAuthority(new ManualClock());
    const id = (await authority.authorities())[0]?.id as string;
    const sequence = async () => (await authority.bundle()).sequence;
    const seen = [await sequence()];
    for (const step of [
      () => authority.prepare('x509'),
      () => authority.activate('x509'),
      () => authority.taint('x509', id),
      () => authority.revoke('x509', id),
    ]) {
      await step();
      seen.push(await sequence());
    }
    expect(seen).toEqual([1, 2, 2, 3, 4]);
  });

  it('survives a restart at every stage, before and after the write', async () => {
    const clock = new ManualClock();
    const store = new MemoryStore(clock);
    const restart = (over: Store = store) => createTestAuthority(clock, 'shop.example', { store: over });
    const first = await restart();
    const [oldId] = (await first.authorities()).map(({ id }) => id) as [string];
    const old = await first.issue(orders);
    const steps: ((authority: TestAuthority) => Promise<unknown>)[] = [
      (authority) => authority.prepare('x509'),
      (authority) => authority.activate('x509'),
      (authority) => authority.taint('x509', oldId),
      (authority) => authority.revoke('x509', oldId),
    ];
    for (const [at, step] of steps.entries()) {
      const before = await (await restart()).authorities();
      await expect(step(await restart(dying(store, 'before')))).rejects.toThrow('killed');
      expect(await (await restart()).authorities()).toEqual(before);
      await expect(step(await restart(dying(store, 'after')))).rejects.toThrow('killed');
      const after = await restart();
      expect(await after.authorities()).not.toEqual(before);
      expect(await verdictOf(after, await after.issue(orders), clock.now())).toBe(orders);
      expect(await verdictOf(after, old, clock.now())).toBe(at < 3 ? orders : 'x509.untrusted');
    }
    expect((await (await restart()).authorities()).map(({ kind, stage }) => [kind, stage])).toEqual([
      ['x509', 'active'],
      ['jwt', 'active'],
    ]);
  });

  it('goes on from a SQLite file that was closed and opened between all stages', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'authority-'));
    const clock = new ManualClock();
    const within = async <T>(use: (authority: TestAuthority) => Promise<T>): Promise<T> => {
      const store = openSqliteStore({ path: join(folder, 'state', 'store.db'), clock });
      try {
        return await use(await createTestAuthority(clock, 'shop.example', { store }));
      } finally {
        await store.stop();
      }
    };
    try {
      const old = await within((authority) => authority.issue(orders));
      const oldId = await within(async (authority) => (await authority.authorities())[0]?.id as string);
      await within((authority) => authority.prepare('x509'));
      await within((authority) => authority.activate('x509'));
      await within((authority) => authority.taint('x509', oldId));
      expect(await within((authority) => verdictOf(authority, old, clock.now()))).toBe(orders);
      await within((authority) => authority.revoke('x509', oldId));
      expect(await within((authority) => verdictOf(authority, old, clock.now()))).toBe('x509.untrusted');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('is taken once when two replicas take it at the same time', async () => {
    const clock = new ManualClock();
    const store = new MemoryStore(clock);
    const [one, two] = await Promise.all([0, 1].map(() => createTestAuthority(clock, 'shop.example', { store })));
    expect(await one?.authorities()).toEqual(await two?.authorities());
    const outcomes = await Promise.allSettled([one?.prepare('x509'), two?.prepare('x509')]);
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect((await one?.bundle())?.x509Authorities).toHaveLength(2);
  });
});

/** A store whose process dies at the next write: before it reaches the disk, or before it is acknowledged. */
function dying(store: Store, when: 'before' | 'after'): Store {
  return {
    get: (key) => store.get(key),
    list: (prefix, page) => store.list(prefix, page),
    stop: () => store.stop(),
    write: async (writes) => {
      if (when === 'after') await store.write(writes);
      throw new Error('killed');
    },
  };
}

describe('maintenance', () => {
  it('replaces roots, intermediates and keys over 12 years, with every SVID good for all its life', async () => {
    const clock = new ManualClock();
    const authority = await createTestAuthority(clock);
    const seenRoots = new Set<string>();
    const gone: HeldSvid[] = [];
    for (let at = 0; at < 12 * 365; at += 9) {
      await authority.maintain();
      const svid = await authority.issue(orders, { ttlSeconds: 86_400 });
      const { x509Authorities, tainted } = await authority.bundle();
      for (const root of x509Authorities) seenRoots.add(root);
      expect(isTainted(svid.chainDer, tainted)).toBe(false);
      for (const _ of [0, 1]) {
        expect(await verdictOf(authority, svid, clock.now())).toBe(orders);
        clock.advance(day / 2);
        await authority.maintain();
      }
      gone.push(svid);
      clock.advance(8 * day);
    }
    expect(seenRoots.size).toBe(3);
    const facts = await authority.authorities();
    expect(facts.every(({ notAfterMs }) => notAfterMs > clock.now())).toBe(true);
    const ledger = createExpiryLedger(clock);
    for (const one of expiringAuthorities('shop.example', facts)) ledger.put(one);
    expect(ledger.all().map(({ name }) => name)).toContain('X.509 root of shop.example');
    expect(ledger.overdue()).toEqual([]);
    expect(await verdictOf(authority, gone[0] as HeldSvid, clock.now())).not.toBe(orders);
  }, 60_000);

  it('makes up for a long absence at once', async () => {
    const clock = new ManualClock();
    const authority = await createTestAuthority(clock);
    clock.advance(11 * 365 * day);
    const reopened = await createTestAuthority(clock, 'shop.example', { store: authority.store });
    expect(await verdictOf(reopened, await reopened.issue(orders), clock.now())).toBe(orders);
    const jwt = await reopened.issueJwtSvid({ spiffeId: orders, audience: ['a'] });
    expect(jwt.expiresAtMs).toBeGreaterThan(clock.now());
  });

  it('renews the intermediate when it issues, should nobody call for maintenance', async () => {
    const clock = new ManualClock();
    const authority = await createTestAuthority(clock);
    clock.advance(60 * day);
    await authority.issue(orders);
    expect(authority.events.map(({ action }) => action)).toContain('authority.renew-intermediate');
  });

  it('never lets an SVID outlive its authority', async () => {
    const clock = new ManualClock();
    const lifetimes = { rootMs: 40 * 60_000, intermediateMs: 30 * 60_000 };
    const authority = await createTestAuthority(clock, 'shop.example', { lifetimes });
    const svid = await authority.issue(orders);
    expect(svid.notAfterMs).toBe(clock.now() + 30 * 60_000);
  });

  it('refuses stored state that was tampered with or damaged, without telling what it holds', async () => {
    const clock = new ManualClock();
    const { store } = await createTestAuthority(clock);
    await store.write([
      { put: 'identity/shop.example/authorities', value: Buffer.from('{"privateKey":"very secret"}') },
    ]);
    const failure = await createTestAuthority(clock, 'shop.example', { store }).catch((error: unknown) => error);
    expect(hasCode(failure, 'identity.state-corrupt')).toBe(true);
    expect(JSON.stringify(failure) + String((failure as Error).stack)).not.toContain('very secret');
  });
});
