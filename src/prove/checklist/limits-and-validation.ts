import { assessed, type ChecklistItem, count, type Facts, type Gap, some } from './item.ts';

/** 10. Requests are limited in number, and held against what the API declares. */
export const limitsAndValidation: ChecklistItem = {
  id: 'limits',
  title: 'Rate limits and request validation',
  assess: (facts) => {
    const { routes, gateway } = facts.manifest;
    const unlimited = routes.filter(
      ({ limits: { cost: _, quota, ...rates } }) => quota.length + Object.keys(rates).length === 0,
    );
    const evidence = [
      `per address: ${gateway.limits.perIp?.text ?? 'no limit'}; bodies: ${gateway.limits.bodyBytes} bytes`,
      `${routes.length - unlimited.length} of ${count(routes.length, 'route')} have limits of their own`,
      `${routes.length - unchecked(facts).length} of ${count(routes.length, 'route')} are held against an OpenAPI document`,
      `firewall: rules \`${gateway.waf.rules}\`, blocking on ${routes.length - unguarded(facts).length} of ${count(routes.length, 'route')}`,
      'test it: `merlon prove --only limit --only input --only waf --only bounds`',
    ];
    return assessed(evidence, [
      ...addressGap(facts),
      ...routeGaps(unlimited.map(({ path }) => path)),
      ...validationGaps(facts),
      ...firewallGaps(facts),
    ]);
  },
};

function addressGap({ manifest: { gateway } }: Facts): Gap[] {
  if (gateway.limits.perIp !== undefined) return [];
  return [
    {
      what: 'one address may send any number of requests',
      fix: 'set `gateway.limits.perIp`, for example `600/min`',
      owner: 'platform',
      effort: 'minutes',
    },
  ];
}

function routeGaps(paths: readonly string[]): Gap[] {
  if (paths.length === 0) return [];
  return [
    {
      what: `no limits on ${some(paths)}`,
      fix: 'set `limits: { perUser: ... }` on each route',
      owner: 'developer',
      effort: 'minutes',
    },
  ];
}

function unguarded({ manifest: { routes, gateway } }: Facts): typeof routes {
  return routes.filter(({ waf }) => (waf.mode ?? gateway.waf.mode) !== 'block');
}

function firewallGaps(facts: Facts): Gap[] {
  const paths = unguarded(facts).map(({ path }) => path);
  if (paths.length === 0) return [];
  return [
    {
      what: `what looks like an attack passes on ${some(paths)}`,
      fix: 'set `waf: { mode: block }`, and exclude by field what `merlon waf tune` proposes',
      owner: 'security',
      effort: 'hours',
    },
  ];
}

function unchecked({ manifest: { routes, services } }: Facts): typeof routes {
  return routes.filter(
    ({ service, validate }) => services[service]?.openapi === undefined || validate.requests !== 'block',
  );
}

function validationGaps(facts: Facts): Gap[] {
  const { routes, services } = facts.manifest;
  const open = unchecked(facts);
  const undocumented = [...new Set(open.map(({ service }) => service))].filter(
    (name) => services[name]?.openapi === undefined,
  );
  const gaps: Gap[] = undocumented.map((name) => ({
    what: `requests to ${name} are not checked: it has no OpenAPI document`,
    fix: `write one, and name it in \`services.${name}.openapi\``,
    owner: 'developer',
    effort: 'hours',
    decisive: undocumented.length === new Set(routes.map(({ service }) => service)).size,
  }));
  const lenient = open.filter(({ service }) => services[service]?.openapi !== undefined).map(({ path }) => path);
  if (lenient.length > 0)
    gaps.push({
      what: `requests that break the document pass on ${some(lenient)}`,
      fix: 'set `validate: { requests: block }`',
      owner: 'developer',
      effort: 'minutes',
    });
  return gaps;
}
