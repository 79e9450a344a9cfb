// What there is to attack: which operations answer whom. Found by asking the manifest and its policies who may call,
// and then by calling.

import { findPlaces, isOwned, nameOf, type Place, policyRequest, requestTo, scopesOf } from './places.ts';
import type { ProveTarget } from './ports.ts';
import { formatHttp2 } from './wire/http2.ts';
import type { Observation } from './wire/observation.ts';
import { type RequestText, withFields } from './wire/request.ts';
import type { Wire } from './wire/wire.ts';

/** A place with a caller whom the manifest lets in. */
export interface OpenPlace {
  readonly place: Place;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  /** Its service has nothing for probes: a rightful caller is let in and finds nothing. */
  readonly isAdmittedOnly?: boolean;
}

/** An operation that one role may use and another may not. */
export interface RolePlace extends OpenPlace {
  readonly deniedRoles: readonly string[];
}

export interface Survey {
  /** Operations behind authentication that answer 2xx to a rightful caller, without consequences; the best to use first. */
  readonly reads: readonly OpenPlace[];
  /** Of objects that belong to the caller. */
  readonly ownedReads: readonly OpenPlace[];
  readonly ownedWrites: readonly OpenPlace[];
  /** Takes a JSON body and answers 2xx; what it leaves behind belongs to the probe. */
  readonly write: OpenPlace | undefined;
  /** A read whose answer depends on who asks. */
  readonly personal: OpenPlace | undefined;
  readonly byRole: readonly RolePlace[];
  /** Every place, rightful caller or not. */
  readonly places: readonly Place[];
  /** The public port takes HTTP/2. */
  readonly speaksHttp2: boolean;
  /** A GET without credentials that answers 2xx. */
  readonly publicRead: RequestText | undefined;
  /** Why there is nothing of a kind although the manifest declares it: its rightful callers were not answered. */
  readonly faults: Readonly<Record<'read' | 'owned' | 'write' | 'plain', string | undefined>>;
}

/** Names of the two callers that probes are; they never log in and own nothing but what probes make. */
export const personA = 'merlon-prove-a';
export const personB = 'merlon-prove-b';

/** Calls each operation that can be called without consequences, and a few that leave something of the probe's own. */
export async function takeSurvey(wire: Wire): Promise<Survey> {
  const { target } = wire;
  const places = findPlaces(target);
  // The embedded issuer makes the tokens of probes; without it, nothing behind authentication can be tried.
  const hasTokens = target.manifest.issuers.includes('embedded');
  const open = hasTokens ? places.flatMap((place) => findCaller(place, target)) : [];
  const demanding = open.filter(({ place }) => place.route.auth === 'required' || place.route.auth === 'token');
  const among = (holds: (place: Place, open: OpenPlace) => boolean): OpenPlace[] =>
    demanding.filter((each) => holds(each.place, each));
  const both = [personB, personA];

  const ownedWrites = await answering(
    wire,
    among((place) => isOwned(place) && replaces(place)),
    both,
  );
  const reads = await answering(
    wire,
    among((place) => place.method === 'GET' && !hasParams(place)),
    [personA],
  );
  const creations = among((place, { roles }) => place.method === 'POST' && !hasParams(place) && roles.length === 0);
  const own = await makeOwn(wire, reads.open, creations, ownedWrites.open);
  const ownedReads = await answering(
    wire,
    among((place) => place.method === 'GET' && isOwned(place)),
    both,
    true,
  );
  const publicRead = await findPublic(wire, places);
  return {
    places,
    reads: reads.open.sort((a, b) => allowance(b) - allowance(a)),
    ownedReads: ownedReads.open,
    ownedWrites: ownedWrites.open,
    write: [...ownedWrites.open, ...own.created].find(takesJson),
    personal: own.personal,
    byRole: open.flatMap((each) => rolePlace(each, target)).filter(({ place }) => place.method === 'GET'),
    speaksHttp2: await speaksHttp2(wire),
    publicRead: publicRead.request,
    faults: {
      read: reads.fault,
      owned: ownedReads.fault ?? ownedWrites.fault,
      write: ownedWrites.fault,
      plain: reads.open.length > 0 ? undefined : (reads.fault ?? publicRead.fault),
    },
  };
}

const takesJson = ({ place }: OpenPlace): boolean => place.sample.headers['content-type'] === 'application/json';

/** Looks for a read that is personal; where there is none yet, makes something of the probe's own, and looks again. */
async function makeOwn(
  wire: Wire,
  reads: readonly OpenPlace[],
  creations: readonly OpenPlace[],
  ownedWrites: readonly OpenPlace[],
): Promise<{ readonly personal: OpenPlace | undefined; readonly created: readonly OpenPlace[] }> {
  const personal = await findPersonal(wire, reads);
  if (personal !== undefined && ownedWrites.length > 0) return { personal, created: [] };
  const created = await answering(wire, creations.slice(0, 3), [personA]);
  return { personal: personal ?? (await findPersonal(wire, reads)), created: created.open };
}

/**
 * Those of `candidates` that answer each of `people` with success; where none does and `admittedSuffices`, those that
 * let them in to find nothing. A fault where there are candidates, and none answers as it should.
 */
async function answering(
  wire: Wire,
  candidates: readonly OpenPlace[],
  people: readonly string[],
  admittedSuffices = false,
): Promise<{ readonly open: OpenPlace[]; readonly fault: string | undefined }> {
  const open: OpenPlace[] = [];
  const admitted: OpenPlace[] = [];
  const failures: string[] = [];
  for (const candidate of candidates) {
    const answers: Observation[] = [];
    for (const person of people) answers.push(await callAs(wire, candidate, person));
    if (answers.every(isSuccess)) open.push(candidate);
    else {
      failures.push(`${nameOf(candidate.place)} ${answers.map(({ status }) => status).join(', ')}`);
      if (answers.every(isAdmitted)) admitted.push({ ...candidate, isAdmittedOnly: true });
    }
  }
  const found = open.length > 0 || !admittedSuffices ? open : admitted;
  const fault =
    found.length > 0 || failures.length === 0
      ? undefined
      : `no rightful caller is answered as expected: ${failures.slice(0, 3).join('; ')}`;
  return { open: found, fault };
}

/** The platform let it through to the service, whatever the service had to say. */
export function isAdmitted({ status, record }: Observation): boolean {
  return record?.verdict === 'allow' && status > 0 && status < 500;
}

/** The request of `person` to an open place, with a token that the manifest lets in. */
export async function rightful(wire: Wire, open: OpenPlace, subject: string): Promise<RequestText> {
  const { place, roles, scopes } = open;
  const token = await wire.token({ subject, roles, scopes });
  return withFields(requestTo(place, subject), ['authorization', `Bearer ${token}`]);
}

async function callAs(wire: Wire, open: OpenPlace, subject: string): Promise<Observation> {
  return wire.edgePatiently(await rightful(wire, open, subject));
}

export function isSuccess({ status }: Pick<Observation, 'status'>): boolean {
  return status >= 200 && status < 300;
}

const replaces = ({ method }: Place): boolean => method === 'PUT' || method === 'PATCH';
const hasParams = ({ template }: Place): boolean => template.includes('{');

/** The fewest roles with which the manifest and the policies let a caller in; none where nobody is. */
export function findCaller(place: Place, target: ProveTarget): OpenPlace[] {
  const scopes = scopesOf(place);
  const roles = [[], ...Object.keys(target.manifest.roles).map((role) => [role])].find(
    (each) => target.authorize(policyRequest(place, { subject: personA, roles: each, scopes }, target)) === 'allow',
  );
  return roles === undefined ? [] : [{ place, roles, scopes }];
}

function rolePlace(open: OpenPlace, target: ProveTarget): RolePlace[] {
  const { place } = open;
  if (open.roles.length === 0 || !['required', 'token'].includes(place.route.auth)) return [];
  const deniedRoles = Object.keys(target.manifest.roles).filter(
    (role) =>
      target.authorize(policyRequest(place, { subject: personA, roles: [role], scopes: open.scopes }, target)) ===
      'deny',
  );
  return [{ ...open, deniedRoles }];
}

/** Requests a minute that the route allows one user. */
function allowance({ place: { route } }: OpenPlace): number {
  const limit = route.limits.perUser;
  return limit === undefined ? Number.POSITIVE_INFINITY : (limit.count / limit.periodMs) * 60_000;
}

async function findPersonal(wire: Wire, reads: readonly OpenPlace[]): Promise<OpenPlace | undefined> {
  for (const open of reads) {
    const [first, again, other] = [
      await callAs(wire, open, personA),
      await callAs(wire, open, personA),
      await callAs(wire, open, personB),
    ].map(bodyOf);
    if (first === again && first !== other) return open;
  }
  return undefined;
}

export function bodyOf({ transcript }: Observation): string {
  return transcript?.responses[0]?.body ?? '';
}

async function findPublic(
  wire: Wire,
  places: readonly Place[],
): Promise<{ readonly request: RequestText | undefined; readonly fault: string | undefined }> {
  const failures: string[] = [];
  for (const place of places) {
    if (place.route.auth !== 'public' || place.method !== 'GET' || hasParams(place)) continue;
    const request = requestTo(place, personA);
    const answer = await wire.edge(request);
    if (isSuccess(answer)) return { request, fault: undefined };
    failures.push(`${nameOf(place)} ${answer.status}`);
  }
  const fault = failures.length === 0 ? undefined : `no public operation answers: ${failures.slice(0, 3).join('; ')}`;
  return { request: undefined, fault };
}

/** Whether a whole request by frames is answered in frames. */
async function speaksHttp2(wire: Wire): Promise<boolean> {
  if (wire.edgeRoute.tls === undefined) return false;
  const fields = [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':path', '/'],
    [':authority', wire.target.edge.authority],
  ] as const;
  return (await wire.edgeHttp2(formatHttp2({ fields }), 'GET / in HTTP/2')).status !== 0;
}

/** Whether probes can call from other loopback addresses than everybody's: Linux takes all of 127.0.0.0/8 for its own. */
export function canBeSomebodyElse({ edge }: ProveTarget): boolean {
  return edge.host.startsWith('127.') && process.platform === 'linux';
}
