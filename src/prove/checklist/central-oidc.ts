import { assessed, type ChecklistItem, count, type Gap, some } from './item.ts';

/** 2. One place vouches for users, by OpenID Connect. */
export const centralOidc: ChecklistItem = {
  id: 'oidc',
  title: 'Central sign-in by OpenID Connect',
  assess: ({ manifest: { issuers, routes, clients } }) => {
    const names = issuers.map((issuer) => (issuer === 'embedded' ? 'the embedded OpenID Provider' : issuer.issuer));
    const open = routes.filter(({ auth }) => auth !== 'required');
    const evidence = [
      `${count(issuers.length, 'issuer')}: ${some(names)}`,
      `${count(Object.keys(clients).length, 'client')}, all with exact redirect addresses and PKCE`,
      `${routes.length - open.length} of ${count(routes.length, 'route')} demand a token`,
      ...open.map(({ path, auth }) => `${path} is ${auth}`),
      'test it: `merlon prove --only signin --only token`',
    ];
    return assessed(evidence, [...openWrites(open), ...plainIssuers(issuers)]);
  },
};

type Routes = Parameters<ChecklistItem['assess']>[0]['manifest']['routes'];
type Issuers = Parameters<ChecklistItem['assess']>[0]['manifest']['issuers'];

/** Public reading is a choice; public writing mostly an oversight. */
function openWrites(open: Routes): Gap[] {
  return open
    .filter(
      ({ methods }) => methods === undefined || methods.some((method) => !['GET', 'HEAD', 'OPTIONS'].includes(method)),
    )
    .map(({ path, auth }) => ({
      what: `${path} is ${auth} and takes methods that write`,
      fix: `set \`auth: required\`, or \`methods: [GET, HEAD]\`, on the route ${path}`,
      owner: 'developer' as const,
      effort: 'minutes' as const,
    }));
}

function plainIssuers(issuers: Issuers): Gap[] {
  return issuers.flatMap((issuer): Gap[] =>
    issuer === 'embedded' || issuer.issuer.startsWith('https:')
      ? []
      : [
          {
            what: `the issuer ${issuer.issuer} is not reached over TLS`,
            fix: 'use its https address',
            owner: 'security',
            effort: 'hours',
            decisive: true,
          },
        ],
  );
}
