// Merlon's gateway with one public route, with the WAF (`--crs FOLDER --setup FILE`) or without. Records of decisions go where
// the secured gateway's go.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { noWeaknesses } from '../../src/api/protections.ts';
import type { GatewaySnapshot } from '../../src/api/snapshot.ts';
import type { WafSection } from '../../src/api/waf.ts';
import { systemClock as clock } from '../../src/core/clock.ts';
import { compileGatewayPolicies } from '../../src/policy/control.ts';
import { createVerifier } from '../../src/server/svid-verifier.ts';
import { createTestAuthority } from '../../test/fakes/identity.ts';
import { directly, serveFront } from '../gateway/merlon/front.ts';
import { gatewayId, sceneOf, trustDomain } from '../gateway/merlon/scene.ts';
import { readRules } from './rules.ts';

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { port: text, upstream: text, crs: text, setup: text } });

async function publicPolicies(): Promise<GatewaySnapshot['policy']> {
  const routes = [{ path: '/api/items', service: 'items', auth: 'public' as const, scopes: {}, source: 'routes[0]' }];
  const compiled = await compileGatewayPolicies({
    model: { services: [{ name: 'items' }], routes, operations: [] },
    files: [],
  });
  if ('errors' in compiled) throw new Error(JSON.stringify(compiled.errors));
  return compiled.policies;
}

function sectionOf(folder: string, setup: string): WafSection {
  const route = { mode: 'block', paranoia: 1, exclusions: [], patches: [], responseBody: false } as const;
  return {
    ruleSets: [readRules(folder, setup)],
    digest: 'bench',
    sampling: 100,
    routes: { '/api/items': { ...route, bodyBytes: 1 << 20, streamsBodies: false } },
  };
}

const folder = mkdtempSync(join(tmpdir(), 'merlon-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const jwks = join(folder, 'jwks.json');
writeFileSync(jwks, '{"keys":[]}');

const authority = await createTestAuthority(clock, trustDomain);
const own = await authority.issue(gatewayId);
const verifier = createVerifier(clock, noWeaknesses);
const { pem: bundle } = await authority.bundle();
verifier.trust(trustDomain, bundle);
const scene = await sceneOf({ jwks, bundle, servicePort: Number(values.upstream) });
const off = { requests: 'off', unknownFields: 'allow', undeclared: 'allow', responses: 'off' } as const;
const snapshot: GatewaySnapshot = {
  ...scene,
  policy: await publicPolicies(),
  limits: { ...scene.limits, routes: {} },
  openapi: {},
  routes: scene.routes.map((route) => ({ ...route, auth: 'public', validate: off })),
  waf: values.crs === undefined ? undefined : sectionOf(values.crs, values.setup ?? ''),
};

await serveFront(snapshot, Number(values.port), {
  svid: () => ({ certificate: own.chain, key: own.key }),
  verify: verifier.verify,
  reach: directly,
});
