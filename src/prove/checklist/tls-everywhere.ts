import { assessed, type ChecklistItem, type Facts, type Gap } from './item.ts';

const dayMs = 86_400_000;
const loopback = /^(?:localhost|127\.\d+\.\d+\.\d+|::1)$/;

/** 1. Nothing travels in clear text. */
export const tlsEverywhere: ChecklistItem = {
  id: 'tls',
  title: 'TLS everywhere',
  assess: (facts) => {
    const { gateway, services } = facts.manifest;
    const run = Object.values(services).filter(({ run }) => run !== undefined).length;
    const evidence = [
      `the gateway listens on ${gateway.listen.scheme}://${gateway.listen.host}:${gateway.listen.port}`,
      `calls between services go through mutual TLS with X.509-SVIDs (${run} services run by Merlon)`,
      ...expiring(facts).map((text) => `running: ${text}`),
      'test it: `merlon prove --only tls --only mesh`',
    ];
    return assessed(evidence, [...edgeGaps(facts), ...serviceGaps(facts), ...expiryGaps(facts)]);
  },
};

function edgeGaps({ manifest: { gateway } }: Facts): Gap[] {
  if (gateway.listen.scheme === 'http')
    return [
      {
        what: 'the gateway listens without TLS',
        fix: 'write `gateway.listen: https://...`, or leave TLS to a proxy in front of it',
        owner: 'platform',
        effort: 'minutes',
        decisive: true,
      },
    ];
  if (gateway.certificate !== 'development' || loopback.test(new URL(gateway.publicUrl).hostname)) return [];
  return [
    {
      what: 'callers elsewhere would have to trust the development authority',
      fix: 'name a certificate of a public authority: `gateway.certificate: { cert, key }`',
      owner: 'platform',
      effort: 'hours',
    },
  ];
}

function serviceGaps({ manifest: { services } }: Facts): Gap[] {
  return Object.entries(services).flatMap(([name, { addresses }]): Gap[] =>
    addresses
      .filter(({ host }) => !loopback.test(host))
      .map(({ host, port }) => ({
        what: `${name} is reached at http://${host}:${port} in clear text`,
        fix: `run an agent on that machine, or let Merlon run ${name} (\`run\`)`,
        owner: 'platform',
        effort: 'hours',
      })),
  );
}

function expiring({ running, nowMs }: Facts): string[] {
  return (running?.expiries ?? [])
    .filter(({ kind }) => kind === 'certificate')
    .map(({ name, expiresAtMs }) => `${name} ends in ${Math.floor((expiresAtMs - nowMs) / dayMs)} days`);
}

function expiryGaps({ running, nowMs }: Facts): Gap[] {
  return (running?.expiries ?? [])
    .filter(({ kind, expiresAtMs }) => kind === 'certificate' && expiresAtMs - nowMs < 14 * dayMs)
    .map(({ name }) => ({
      what: `${name} ends within two weeks`,
      fix: 'renew it',
      owner: 'platform' as const,
      effort: 'minutes' as const,
    }));
}
