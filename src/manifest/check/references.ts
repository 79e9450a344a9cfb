import { suggest } from '../nearest.ts';
import type { Path } from '../problem.ts';
import { type CheckInput, error, type Finding } from './finding.ts';

/** Every name of a service names one that is declared, and no service calls itself. */
export function checkServiceNames({ draft }: CheckInput): Finding[] {
  const known = draft.names.services;
  const unknown = (name: string, path: Path) =>
    known.includes(name)
      ? []
      : [error('manifest.unknown-service', path, `there is no service \`${name}\``, suggest(name, known))];
  const routes = draft.routes.flatMap(([at, route]) => [
    ...unknown(route.service, ['routes', at, 'service']),
    ...route.canary.flatMap(({ service }, position) => unknown(service, ['routes', at, 'canary', position, 'service'])),
  ]);
  const calls = draft.services.flatMap(([name, service]) =>
    service.calls.flatMap((callee, at) => {
      const path = ['services', name, 'calls', at];
      return callee === name
        ? [
            error(
              'manifest.self-call',
              path,
              `\`${name}\` calls itself`,
              'remove it: a service reaches itself without Merlon',
            ),
          ]
        : unknown(callee, path);
    }),
  );
  return [...routes, ...calls];
}

/** Every role that is used is declared. */
export function checkRoles({ draft }: CheckInput): Finding[] {
  const known = draft.names.roles;
  const unknown = (roles: readonly string[], path: Path) =>
    roles.flatMap((role, at) =>
      known.includes(role)
        ? []
        : [
            error(
              'manifest.unknown-role',
              [...path, at],
              `there is no role \`${role}\``,
              suggest(role, known) ?? `declare it: \`roles: { ${role}: { scopes: [...] } }\``,
            ),
          ],
    );
  return [
    ...draft.users.flatMap(([name, user]) => unknown(user.roles, ['users', name, 'roles'])),
    ...draft.clients.flatMap(([name, client]) => unknown(client.roles, ['clients', name, 'roles'])),
    ...draft.routes.flatMap(([at, route]) => [
      ...unknown(route.roles, ['routes', at, 'roles']),
      ...unknown(route.owner?.unless ?? [], ['routes', at, 'owner', 'unless']),
      ...unknown(route.mask?.unless ?? [], ['routes', at, 'mask', 'unless']),
    ]),
  ];
}

// OpenID Connect Core, sections 5.4 and 11.
const standardScopes = ['openid', 'profile', 'email', 'address', 'phone', 'offline_access'];

/** Every scope that a client may ask for means something: a route needs it, or a document declares it, or OpenID Connect does. */
export function checkClientScopes({ draft, apis }: CheckInput): Finding[] {
  if (!draft.whole) return [];
  const known = new Set([
    ...standardScopes,
    ...draft.routes.flatMap(([, route]) => Object.values(route.scopes).flatMap((scopes) => scopes ?? [])),
    ...[...apis.values()].flatMap(({ scopes }) => [...scopes]),
    ...draft.roles.flatMap(([, role]) => role.scopes),
  ]);
  return draft.clients.flatMap(([name, client]) =>
    client.scopes.flatMap((scope, at) =>
      known.has(scope)
        ? []
        : [
            error(
              'manifest.unknown-scope',
              ['clients', name, 'scopes', at],
              `no route, role or OpenAPI document knows the scope \`${scope}\``,
              suggest(scope, known),
            ),
          ],
    ),
  );
}

/** No issuer is listed twice, and what only the embedded one uses is not there without it. */
export function checkIssuers({ draft, valueAt }: CheckInput): Finding[] {
  const seen = new Set<string>();
  const twice = draft.issuers.flatMap(([at, issuer]) => {
    const name = issuer === 'embedded' ? issuer : issuer.issuer;
    const again = seen.has(name);
    seen.add(name);
    return again ? [error('manifest.duplicate-issuer', ['issuers', at], `\`${name}\` is listed twice`)] : [];
  });
  if (!draft.whole || seen.has('embedded')) return twice;
  const idle = ['users', 'clients', 'audience'].filter((key) => valueAt([key]) !== undefined);
  return [
    ...twice,
    ...idle.map((key) => ({
      ...error(
        'manifest.no-effect',
        [key],
        `\`${key}\` belongs to the embedded issuer, which is not listed`,
        'add `embedded` to `issuers`',
      ),
      at: 'key' as const,
    })),
  ];
}
