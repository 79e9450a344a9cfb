import { type Attack, type NotApplicable, notApplicable, type Probe } from '../attack.ts';
import type { ProveContext } from '../context.ts';
import { nameOf, requestTo } from '../places.ts';
import { edgeProbe, faultOfAdmission, type Refusal, subjectFor, withToken } from '../probes.ts';
import { type OpenPlace, personB } from '../survey.ts';
import { type RequestText, withFields } from '../wire/request.ts';
import type { Person } from '../wire/wire.ts';

const refusedBy = (...codes: string[]): Refusal => ({ status: 403, codes, filter: 'authz' });
const scopeMissing = refusedBy('authz.scope-missing');
const roleMissing = refusedBy('authz.denied', 'authz.role-missing');
const notOwner = refusedBy('authz.not-owner');

/** Probes with a genuine token of another person than the one who may. */
function asOther(
  context: ProveContext,
  id: string,
  places: readonly OpenPlace[],
  expected: Refusal,
  person: (open: OpenPlace, subject: string) => Person,
): readonly Probe[] {
  const subject = subjectFor(context, id);
  return places.map((open) =>
    edgeProbe(context, {
      open,
      subject,
      attack: async (request) => withToken(request, await context.token(person(open, subject))),
      expected,
      ...(expected === roleMissing ? { controlFault: faultOfAdmission } : {}),
    }),
  );
}

const function5 = 'OWASP API5:2023';
const object1 = 'OWASP API1:2023';

function withScopes({ survey }: ProveContext): readonly OpenPlace[] {
  return survey.reads.filter(({ scopes }) => scopes.length > 0);
}

function orNone(probes: readonly Probe[], reason: string, fault?: string): readonly Probe[] | NotApplicable {
  return probes.length === 0 ? notApplicable(reason, fault) : probes;
}

const noScopes = 'no route that can be read asks for scopes';

function scopeAttack(name: string, title: string, scopes: (needed: readonly string[]) => readonly string[]): Attack {
  const id = `scope.${name}`;
  return {
    id,
    title,
    protection: 'authz.scopes',
    severity: 'high',
    standards: ['CWE-862', function5],
    plan: (context) =>
      orNone(
        asOther(context, id, withScopes(context).slice(0, 3), scopeMissing, (open, subject) => ({
          subject,
          roles: open.roles,
          scopes: scopes(open.scopes),
        })),
        noScopes,
        context.survey.faults.read,
      ),
  };
}

const scopeAttacks: readonly Attack[] = [
  scopeAttack('none', 'a genuine token without any scope', () => []),
  scopeAttack('other', 'a genuine token with a scope that opens something else', () => ['openid', 'merlon-prove:read']),
  scopeAttack('prefix', 'a scope that only begins like the one that is needed', (needed) =>
    needed.flatMap((scope) => [scope.slice(0, -1), `${scope}x`]),
  ),
  scopeAttack('wildcard', 'wildcards in place of the scope', (needed) => [
    '*',
    ...needed.map((scope) => scope.replace(/[^:]+$/, '*')),
  ]),
  scopeAttack('case', 'the scope in capitals', (needed) => needed.map((scope) => scope.toUpperCase())),
  {
    id: 'scope.read-for-write',
    title: 'reading scopes on an operation that writes',
    protection: 'authz.scopes',
    severity: 'critical',
    standards: ['CWE-863', function5],
    plan: (context) => {
      const { write } = context.survey;
      if (write === undefined || write.scopes.length === 0)
        return notApplicable('no write that a probe may try asks for scopes', context.survey.faults.write);
      const reading = Object.values(write.place.route.scopes)
        .flat()
        .filter((scope) => !write.scopes.includes(scope));
      return asOther(context, 'scope.read-for-write', [write], scopeMissing, (open, subject) => ({
        subject,
        roles: open.roles,
        scopes: reading,
      }));
    },
  },
];

const noRoles = 'no operation that can be read is reserved to a role';

const roleAttacks: readonly Attack[] = [
  {
    id: 'role.insufficient',
    title: 'every scope, and a role that the policies do not let in',
    protection: 'authz.policy',
    severity: 'critical',
    standards: ['CWE-863', function5],
    plan: (context) => {
      const cases = context.survey.byRole.flatMap((open) =>
        open.deniedRoles.slice(0, 2).map((role) => [open, role] as const),
      );
      const probes = cases.slice(0, 4).flatMap(([open, role]) =>
        asOther(context, 'role.insufficient', [open], roleMissing, (_, subject) => ({
          subject,
          roles: [role],
          scopes: open.scopes,
        })),
      );
      return orNone(probes, noRoles);
    },
  },
  {
    id: 'role.none',
    title: 'every scope and no role',
    protection: 'authz.policy',
    severity: 'critical',
    standards: ['CWE-862', function5],
    plan: (context) =>
      orNone(
        asOther(context, 'role.none', context.survey.byRole.slice(0, 2), roleMissing, (open, subject) => ({
          subject,
          roles: [],
          scopes: open.scopes,
        })),
        noRoles,
      ),
  },
  {
    id: 'role.invented',
    title: 'roles that sound mighty and are declared nowhere',
    protection: 'authz.policy',
    severity: 'high',
    standards: ['CWE-863', function5],
    plan: (context) =>
      orNone(
        asOther(context, 'role.invented', context.survey.byRole.slice(0, 2), roleMissing, (open, subject) => ({
          subject,
          roles: ['admin', 'root', 'superuser', ...open.roles.map((role) => role.toUpperCase())],
          scopes: open.scopes,
        })),
        noRoles,
      ),
  },
  {
    id: 'role.header',
    title: 'the role that is needed, claimed in header fields',
    protection: 'authz.policy',
    severity: 'critical',
    standards: ['CWE-290', function5],
    plan: (context) => {
      const subject = subjectFor(context, 'role.header');
      const probes = context.survey.byRole.slice(0, 2).map((open) =>
        edgeProbe(context, {
          open,
          subject,
          attack: async (request) =>
            withFields(
              withToken(request, await context.token({ subject, roles: [], scopes: open.scopes })),
              ['merlon-roles', open.roles.join(',')],
              ['x-user-roles', open.roles.join(',')],
            ),
          expected: roleMissing,
          controlFault: faultOfAdmission,
        }),
      );
      return orNone(probes, noRoles);
    },
  },
];

const noOwner = 'no route has an owner rule with an operation that a probe can use';

function ownerAttack(
  name: string,
  title: string,
  places: (context: ProveContext) => readonly OpenPlace[],
  foreign: (open: OpenPlace, request: RequestText, victim: string, self: string) => RequestText,
): Attack {
  const id = `owner.${name}`;
  return {
    id,
    title,
    protection: 'authz.owner',
    severity: 'critical',
    standards: ['CWE-639', object1],
    plan: (context) => {
      const subject = subjectFor(context, id);
      const probes = places(context)
        .slice(0, 2)
        .map((open) => ownerProbe(context, open, subject, foreign));
      return orNone(probes, noOwner, context.survey.faults.owned);
    },
  };
}

/** The object is created for its owner where it must be, so that the rightful caller finds it. */
function ownerProbe(
  context: ProveContext,
  open: OpenPlace,
  subject: string,
  foreign: (open: OpenPlace, request: RequestText, victim: string, self: string) => RequestText,
): Probe {
  const owner = personB;
  const probe = edgeProbe(context, {
    open,
    subject: owner,
    attack: async () => {
      const token = await context.token({ subject, roles: open.roles, scopes: open.scopes });
      const request = withToken(requestTo(open.place, owner), token);
      return foreign(open, request, owner, subject);
    },
    expected: notOwner,
  });
  return { ...probe, place: `${nameOf(open.place)} of another` };
}

const ownerAttacks: readonly Attack[] = [
  ownerAttack(
    'read',
    "reading another's object with one's own token",
    ({ survey }) => survey.ownedReads,
    (_, request) => request,
  ),
  ownerAttack(
    'write',
    "changing another's object with one's own token",
    ({ survey }) => survey.ownedWrites,
    (_, request) => request,
  ),
  ownerAttack(
    'encoded',
    "another's id, percent-encoded letter by letter",
    ({ survey }) => survey.ownedReads,
    (_, request, victim) => ({ ...request, target: request.target.replace(victim, percentEncode(victim)) }),
  ),
  ownerAttack(
    'detour',
    "a path that begins at one's own object and ends at another's (`own/../other`)",
    ({ survey }) => survey.ownedReads,
    (_, request, victim, self) => ({ ...request, target: request.target.replace(victim, `${self}/../${victim}`) }),
  ),
  ownerAttack(
    'header',
    'being the owner by header fields',
    ({ survey }) => survey.ownedReads,
    (_, request, victim) =>
      withFields(request, ['merlon-subject', victim], ['x-user-id', victim], ['x-original-url', request.target]),
  ),
  ownerAttack(
    'query',
    "one's own id in the query, another's in the path",
    ({ survey }) => survey.ownedReads,
    ({ place }, request, _, self) => ({
      ...request,
      target: `${request.target}?${place.route.owner?.param ?? 'id'}=${self}`,
    }),
  ),
];

function percentEncode(text: string): string {
  return [...text].map((letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`).join('');
}

export const accessAttacks: readonly Attack[] = [...scopeAttacks, ...roleAttacks, ...ownerAttacks];
