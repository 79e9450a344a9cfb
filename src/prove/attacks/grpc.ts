import { type Attack, gotThrough, inconclusive, type Judgement, notApplicable, stopped } from '../attack.ts';
import type { ProveContext } from '../context.ts';
import { type Place, policyRequest, scopesOf } from '../places.ts';
import { faultOfAdmission, subjectFor } from '../probes.ts';
import type { GrpcText } from '../wire/grpc.ts';
import type { Observation } from '../wire/observation.ts';

/** A declared method that can be tried without consequences, and one beside it that nobody declared. */
interface GrpcPlace {
  readonly place: Place;
  readonly roles: readonly string[];
  readonly undeclared: string;
}

/** gRPC: 12, UNIMPLEMENTED. */
const unimplemented = 'grpc-status 12';
const code = 'openapi.grpc-undeclared';

/**
 * Routes to services with descriptors. A method that takes one message is called without any: that call is the service's to
 * refuse, and none of its code runs.
 */
function grpcPlaces({ target, run }: ProveContext): GrpcPlace[] {
  return target.manifest.routes.flatMap((route, index): GrpcPlace[] => {
    const methods = target.grpcMethods.get(route.service) ?? [];
    const isBelow = (path: string): boolean =>
      route.path === '/' || path === route.path || path.startsWith(`${route.path}/`);
    const declared = methods.find(({ path, clientStreaming }) => !clientStreaming && isBelow(path));
    const undeclared = `${declared?.path.slice(0, declared.path.lastIndexOf('/'))}/MerlonProve${run}`;
    if (declared === undefined || !isBelow(undeclared)) return [];
    const { path } = declared;
    const sample = { method: 'POST', path, query: '', headers: {} };
    const place: Place = {
      ...{ route, index, method: 'POST', template: path, sample },
      ...{ operation: undefined, api: undefined },
    };
    const roles = rolesFor(place, target);
    return roles === undefined ? [] : [{ place, roles, undeclared }];
  });
}

/** The fewest roles with which the policies let a caller call the method. */
function rolesFor(place: Place, target: ProveContext['target']): readonly string[] | undefined {
  const operation = place.template.slice(1);
  const scopes = scopesOf(place);
  const mayCall = (roles: readonly string[]): boolean =>
    target.authorize({ ...policyRequest(place, { subject: 'merlon-prove-a', roles, scopes }, target), operation }) ===
    'allow';
  return [[], ...Object.keys(target.manifest.roles).map((role) => [role])].find(mayCall);
}

async function callTo(context: ProveContext, { place, roles }: GrpcPlace, path: string): Promise<GrpcText> {
  const token = await context.token({ subject: subjectFor(context, 'grpc'), roles, scopes: scopesOf(place) });
  return { path, host: place.route.host, token };
}

function judge({ record, code: status, received }: Observation): Judgement {
  if (record?.verdict === 'allow') return gotThrough('the call was passed on to the service');
  if (record?.reason?.code !== code || record.reason.filter !== 'grpc')
    return inconclusive(`answered ${received}; the ledger says ${record?.reason?.code ?? 'nothing'}, not ${code}`);
  return status === unimplemented
    ? stopped(`${status} (${code}) by grpc`)
    : inconclusive(`answered ${received}, where ${unimplemented} was expected`);
}

const undeclaredMethod: Attack = {
  id: 'grpc.undeclared-method',
  title: 'a method that the descriptors do not declare',
  protection: 'openapi.undeclared-operation',
  severity: 'high',
  standards: ['CWE-749', 'OWASP API9:2023'],
  plan: (context) => {
    const { manifest, grpcMethods } = context.target;
    const services = Object.values(manifest.services).filter(({ protocol }) => protocol === 'grpc');
    if (services.length === 0) return notApplicable('the manifest declares no gRPC service');
    if (grpcMethods.size === 0) return notApplicable('no gRPC service has `descriptors`: every method may be called');
    const places = grpcPlaces(context);
    if (places.length === 0) return notApplicable('no declared method can be called without consequences');
    return places.map((each) => ({
      place: each.place.template,
      control: async () => context.edgeGrpc(await callTo(context, each, each.place.template)),
      controlFault: faultOfAdmission,
      attack: async () => context.edgeGrpc(await callTo(context, each, each.undeclared)),
      judge,
    }));
  },
};

export const grpcAttacks: readonly Attack[] = [undeclaredMethod];
