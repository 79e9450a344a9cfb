import { authn } from './authn.ts';
import { authz } from './authz.ts';
import { bodyLimit } from './body-limit.ts';
import { cors } from './cors.ts';
import type { CompileFilter } from './filter.ts';
import { graphql } from './graphql.ts';
import { grpc } from './grpc.ts';
import { ipAccess } from './ip-access.ts';
import { limitsByIp } from './limits-by-ip.ts';
import { limitsByPrincipal } from './limits-by-principal.ts';
import { normalise } from './normalise.ts';
import { openapi } from './openapi.ts';
import { scanners } from './scanners.ts';
import { version } from './version.ts';
import { waf } from './waf.ts';

/**
 * The path of a request through the gateway, in running order. What follows the last row is `forward`: the header
 * fields are written anew and the request goes to the service through the mesh.
 */
export const filterTable: readonly (readonly [name: string, compile: CompileFilter])[] = [
  ['normalise', normalise], //      methods and encoded slashes that the route takes
  ['ip-access', ipAccess], //       ipAllow, ipDeny
  ['scanners', scanners], //        addresses that behave like one
  ['limits-ip', limitsByIp], //     before anyone is authenticated
  ['cors', cors], //                preflights are answered here
  ['version', version], //          deprecated, gone
  ['authn', authn], //              who calls
  ['limits', limitsByPrincipal], // per user, client, quota
  ['authz', authz], //              Cedar: may they
  ['grpc', grpc], //                methods as declared, deadlines
  ['body-limit', bodyLimit], //     how much
  ['graphql', graphql], //          depth, cost, introspection
  ['openapi', openapi], //          parameters and body as declared
  ['waf', waf], //                  what looks like an attack all the same
];

export type { CompileFilter, Engines, RouteParts, RunFilter } from './filter.ts';
