import type { Route } from '../schema/routes.ts';
import { type CheckInput, error, type Finding, warning } from './finding.ts';

/** What stands on a route and could not do anything there. */
export function checkEdgeKeys(input: CheckInput): Finding[] {
  return input.draft.routes.flatMap(([at, route]) => [
    ...checkGraphql(input, at, route),
    ...checkMask(input, at, route),
  ]);
}

/** A GraphQL endpoint is judged by its own bounds, not by a document of paths. */
function checkGraphql({ valueAt }: CheckInput, at: number, { graphql, methods }: Route): Finding[] {
  if (graphql === undefined) return [];
  const idle = valueAt(['routes', at, 'validate']) !== undefined;
  return [
    ...(idle
      ? [
          {
            ...error(
              'manifest.no-effect',
              ['routes', at, 'validate'],
              '`validate` has no meaning for a GraphQL endpoint',
              'remove it: `graphql` says what is checked',
            ),
            at: 'key' as const,
          },
        ]
      : []),
    ...(methods !== undefined && !methods.includes('POST')
      ? [error('manifest.bad-route', ['routes', at, 'methods'], 'a GraphQL endpoint takes `POST`', 'add `POST`')]
      : []),
  ];
}

/** There is something to mask, and roles are known where a role sees it. */
function checkMask({ draft }: CheckInput, at: number, { service, mask, auth }: Route): Finding[] {
  if (mask === undefined) return [];
  const path = ['routes', at, 'mask'];
  const openapi = draft.services.find(([name]) => name === service)?.[1].openapi;
  const findings: Finding[] = [];
  if (mask.fields.length === 0 && (!mask.declared || openapi === undefined))
    findings.push(
      error(
        'manifest.no-effect',
        path,
        'nothing would be masked: there are no `fields`, and no document that marks any',
        'add `fields`, or mark fields `x-merlon-sensitive: true` in the OpenAPI document',
      ),
    );
  if (auth === 'public' && mask.unless.length > 0)
    findings.push(
      warning('manifest.no-effect', [...path, 'unless'], 'a public route knows no roles: nobody sees the values'),
    );
  return findings;
}
