// Is every attack real? With a protection switched off, its attack must be reported as having got through; and with
// every other one of the same kind switched off but this, it must not. Each group switches off some protections of every
// kind, and no two protections of one kind are off in the same groups: what an attack depends on shows in the groups
// in which it gets through.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Protection, protections } from '../../src/api/protections.ts';
import type { AttackResult } from '../../src/prove/index.ts';
import { startPlatform, type TestPlatform, withEverything } from './platform.ts';

/** In which groups a protection is off. */
const offIn: Readonly<Record<Protection, readonly number[]>> = {
  'tls.client-certificate': [2, 5],
  'authn.signature': [1, 2],
  'authn.algorithm': [1, 3],
  'authn.issuer': [1, 4],
  'authn.audience': [2, 3],
  'authn.expiry': [2, 4],
  'authn.type': [3, 4],
  'authn.api-key': [2, 5],
  'login.throttle': [4],
  authn: [5],
  'authz.scopes': [1],
  'authz.owner': [2],
  'authz.policy': [4, 5],
  'openapi.parameters': [1, 2],
  'openapi.body': [1, 3],
  'openapi.unknown-fields': [1, 4],
  'openapi.undeclared-operation': [2, 3],
  waf: [2, 3],
  'http.path-normalisation': [2, 4],
  'http.body-limit': [3, 4],
  'http.identity-headers': [3],
  'http.header-time': [4],
  'ip.access': [2],
  'scanner.throttle': [4],
  'graphql.bounds': [1],
  'response.mask': [3],
  limits: [3],
  'mesh.calls': [1, 2],
  'mesh.client-certificate': [1, 3],
  'mesh.expiry': [1, 4],
  'mesh.trust-domain': [2, 3],
  'secrets.token': [1],
  'secrets.acl': [2],
  'admin.authentication': [1, 2],
  'admin.origin': [1, 3],
  'admin.host': [2, 3],
  'ledger.chain': [3],
};

/** The attack that stands for a protection, and what must be off for it to get through: all of any one row. */
const attackOf: Readonly<Record<Protection, readonly [attack: string, ...needs: (readonly Protection[])[]]>> = {
  'tls.client-certificate': ['tls.no-client-certificate', ['tls.client-certificate']],
  'authn.signature': ['token.foreign-key', ['authn.signature'], ['authn', 'authz.policy']],
  'authn.algorithm': ['token.alg-none', ['authn.algorithm'], ['authn', 'authz.policy']],
  'authn.issuer': ['token.wrong-issuer', ['authn.issuer'], ['authn', 'authz.policy']],
  'authn.audience': ['token.wrong-audience', ['authn.audience'], ['authn', 'authz.policy']],
  'authn.expiry': ['token.expired', ['authn.expiry'], ['authn', 'authz.policy']],
  'authn.type': ['token.id-token', ['authn.type'], ['authn', 'authz.policy']],
  'login.throttle': ['signin.guessing', ['login.throttle']],
  'authn.api-key': ['apikey.other-secret', ['authn.api-key'], ['authn', 'authz.policy']],
  authn: ['token.none', ['authn', 'authz.policy']],
  'authz.scopes': ['scope.none', ['authz.scopes'], ['authz.policy']],
  'authz.owner': ['owner.read', ['authz.owner'], ['authz.policy']],
  'authz.policy': ['role.none', ['authz.policy']],
  'openapi.parameters': ['input.unknown-parameter', ['openapi.parameters']],
  'openapi.body': ['input.wrong-type', ['openapi.body']],
  'openapi.unknown-fields': ['input.unknown-field', ['openapi.unknown-fields'], ['openapi.body']],
  'openapi.undeclared-operation': ['input.undeclared-operation', ['openapi.undeclared-operation']],
  waf: ['waf.sql-injection', ['waf']],
  // Behind each of these two stand other layers, which must be off as well.
  'http.path-normalisation': ['path.encoded-slash', ['http.path-normalisation', 'openapi.undeclared-operation', 'waf']],
  'http.body-limit': ['bounds.body', ['http.body-limit', 'openapi.body', 'waf']],
  'http.identity-headers': ['spoof.roles', ['http.identity-headers']],
  'http.header-time': ['bounds.slow-headers', ['http.header-time']],
  'ip.access': ['bounds.denied-network', ['ip.access']],
  'scanner.throttle': ['scanner.probing', ['scanner.throttle']],
  'graphql.bounds': ['graphql.depth', ['graphql.bounds']],
  'response.mask': ['leak.masked-field', ['response.mask']],
  limits: ['limit.per-user', ['limits']],
  'mesh.calls': ['mesh.undeclared-call', ['mesh.calls']],
  'mesh.client-certificate': ['mesh.no-svid', ['mesh.client-certificate', 'mesh.calls']],
  'mesh.expiry': ['mesh.expired-svid', ['mesh.expiry']],
  'mesh.trust-domain': ['mesh.forged-authority', ['mesh.trust-domain']],
  'secrets.token': ['secrets.no-token', ['secrets.token']],
  'secrets.acl': ['secrets.foreign-path', ['secrets.acl'], ['secrets.token']],
  'admin.authentication': ['admin.no-token', ['admin.authentication']],
  'admin.origin': ['admin.cross-origin', ['admin.origin']],
  'admin.host': ['admin.rebinding', ['admin.host']],
  'ledger.chain': ['ledger.changed', ['ledger.chain']],
};

/** Further attacks on the same protections, that come another way. */
const others: readonly (readonly [attack: string, protection: Protection])[] = [
  ['tls.foreign-client-certificate', 'tls.client-certificate'],
  ['tls.expired-client-certificate', 'tls.client-certificate'],
  ['grpc.undeclared-method', 'openapi.undeclared-operation'],
  ['graphql.query-in-url', 'graphql.bounds'],
  ['spoof.subject-spelling', 'http.identity-headers'],
  ['spoof.believed-names', 'http.identity-headers'],
  ['spoof.method', 'http.identity-headers'],
  ['spoof.url', 'http.identity-headers'],
  ['spoof.spelling', 'http.identity-headers'],
  ['spoof.path', 'http.identity-headers'],
  ['spoof.address-spelling', 'http.identity-headers'],
  ['spoof.proxy', 'http.identity-headers'],
];

const chosen = [...protections.map((protection) => attackOf[protection][0]), ...others.map(([attack]) => attack)];

// On a machine that is busy with other tests.
const patienceMs = 180_000;

const edit = (manifest: string): string =>
  withEverything(manifest).replace('perIp: 1200/min,', 'headerTimeout: 1s, perIp: 6000/min,');

for (const group of [1, 2, 3, 4, 5]) {
  const off = protections.filter((protection) => offIn[protection].includes(group));
  describe(`without ${off.join(', ')}`, () => {
    let platform: TestPlatform;
    let results: ReadonlyMap<string, AttackResult>;

    beforeAll(async () => {
      platform = await startPlatform({ port: 21_500 + group, off, edit });
      const report = await platform.run(...chosen, 'waf.');
      results = new Map(report.results.map((result) => [result.attack.id, result]));
    }, patienceMs);
    afterAll(() => platform?.stop());

    test('every attack on the WAF gets through where it is off, and none where it is on', () => {
      const expected = off.includes('waf') ? 'got-through' : 'stopped';
      const attempts = [...results.values()].filter(({ attack }) => attack.protection === 'waf');
      expect(attempts.length).toBeGreaterThan(10);
      expect(attempts.filter(({ verdict }) => verdict !== expected).map(({ attack }) => attack.id)).toEqual([]);
    });

    test.each(others)('%s depends on %s as well', (id, protection) => {
      const { verdict, because } = results.get(id) as AttackResult;
      expect(`${verdict}: ${because}`).toMatch(off.includes(protection) ? /^got-through/ : /^stopped/);
    });

    test.each(protections.map((protection) => [attackOf[protection][0], protection] as const))(
      '%s depends on %s',
      (id, protection) => {
        const [, ...needs] = attackOf[protection];
        const expected = needs.some((set) => set.every((each) => off.includes(each)));
        const { verdict, because } = results.get(id) as AttackResult;
        expect(`${verdict === 'got-through' ? 'got through' : 'did not get through'}: ${because}`).toMatch(
          expected ? /^got through/ : /^did not/,
        );
        // Where nothing is off that it meets, it is not only held up: it is shown to be stopped.
        if (needs.flat().every((each) => !off.includes(each))) expect(`${verdict}: ${because}`).toMatch(/^stopped/);
      },
    );
  });
}
