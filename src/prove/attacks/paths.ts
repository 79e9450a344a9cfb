import type { Protection } from '../../api/protections.ts';
import { type Attack, gotThrough, inconclusive, type Judgement, notApplicable, stopped } from '../attack.ts';
import { nameOf } from '../places.ts';
import { askRightfully, faultOfSuccess, judgeRefusal, subjectFor, wasLetThrough, withToken } from '../probes.ts';
import { bodyOf, isSuccess, type OpenPlace, rightful } from '../survey.ts';
import type { Observation } from '../wire/observation.ts';

interface PathRow {
  readonly id: string;
  readonly title: string;
  readonly protection?: Protection;
  readonly status: readonly number[];
  readonly codes: readonly string[];
  readonly filter?: string | readonly string[];
  /** The path that an attacker writes for `/api/orders`, to come there unseen. */
  readonly write: (path: string) => string;
  /** With the credential of somebody who may read it, where the form alone must be refused. */
  readonly signedIn?: boolean;
}

const normalised = { protection: 'authn', status: [401], codes: ['authn.token-missing'], filter: 'authn' } as const;
const badPath = { status: [400], codes: ['net.bad-path', 'net.bad-target'], filter: 'http', signedIn: true } as const;

/** `/api/orders` with its last segment changed by `change`. */
const lastSegment = (path: string, change: (segment: string) => string): string =>
  path.replace(/[^/]+$/, (segment) => change(segment));

/** Ways to write a path that is guarded so that a careless gateway takes it for one that is not. */
const rows: readonly PathRow[] = [
  {
    id: 'path.dot-segments',
    title: 'no credential, and a path through `/./x/..`',
    ...normalised,
    write: (path) => `/.${lastSegment(path, (s) => `x/../${s}`)}`,
  },
  {
    id: 'path.encoded-dots',
    title: 'no credential, and a path through `/%2e%2e/`',
    ...normalised,
    write: (path) => `/x/%2e%2e${path}`,
  },
  {
    id: 'path.double-slash',
    title: 'no credential, and doubled slashes',
    ...normalised,
    write: (path) => path.replaceAll('/', '//'),
  },
  {
    id: 'path.encoded-letters',
    title: 'no credential, and letters percent-encoded',
    ...normalised,
    write: (path) => lastSegment(path, (s) => `%${s.charCodeAt(0).toString(16)}${s.slice(1)}`),
  },
  {
    id: 'path.encoded-slash',
    title: 'a slash percent-encoded (`%2f`)',
    protection: 'http.path-normalisation',
    status: [400],
    codes: ['gateway.encoded-slash'],
    filter: 'normalise',
    signedIn: true,
    write: (path) => `${path}/%2f..%2fmerlon-prove`,
  },
  { id: 'path.backslash', title: 'backslashes (`\\..\\`)', ...badPath, write: (path) => `${path}\\..\\merlon-prove` },
  {
    id: 'path.encoded-backslash',
    title: 'backslashes percent-encoded (`%5c`)',
    ...badPath,
    write: (path) => `${path}/%5c..%5cmerlon-prove`,
  },
  { id: 'path.nul', title: 'a NUL percent-encoded (`%00`)', ...badPath, write: (path) => `${path}%00.png` },
  { id: 'path.bad-escape', title: 'a broken percent-encoding (`%zz`)', ...badPath, write: (path) => `${path}/%zz` },
  {
    id: 'path.above-root',
    title: 'above the root (`/../../`)',
    ...normalised,
    status: [400, 401],
    codes: ['net.bad-path', 'authn.token-missing'],
    filter: ['http', 'authn'],
    write: (path) => `/../../..${path}`,
  },
];

/** Forms that may be refused by different layers, since they are no declared path: they must only not be let through. */
const strangeRows: readonly { id: string; title: string; write: (path: string) => string }[] = [
  {
    id: 'path.double-encoding',
    title: 'no credential, and dots encoded twice (`%252e`)',
    write: (path) => `/x/%252e%252e${path}`,
  },
  {
    id: 'path.overlong-utf8',
    title: 'no credential, and a slash as overlong UTF-8 (`%c0%af`)',
    write: (path) => `${path}/..%c0%af..${path}`,
  },
  { id: 'path.parameters', title: 'no credential, and path parameters (`;x=/../`)', write: (path) => `${path};x=1` },
  { id: 'path.suffix', title: 'no credential, and the suffix of a static file', write: (path) => `${path}/x.css` },
  { id: 'path.capitals', title: 'no credential, and the path in capitals', write: (path) => path.toUpperCase() },
];

function pathAttack(row: PathRow): Attack {
  return {
    id: row.id,
    title: row.title,
    ...(row.protection === undefined ? {} : { protection: row.protection }),
    severity: 'high',
    standards: ['CWE-22', 'CWE-180', 'OWASP API8:2023'],
    plan: (context) => {
      const [open] = context.survey.reads;
      if (open === undefined)
        return notApplicable('no operation behind authentication can be read', context.survey.faults.read);
      const subject = subjectFor(context, row.id);
      return [
        {
          place: nameOf(open.place),
          control: () => askRightfully(context, open, subject),
          controlFault: faultOfSuccess,
          attack: async () => {
            const request = await rightful(context, open, subject);
            const written = { ...request, target: row.write(request.target) };
            return context.edge(row.signedIn === true ? written : withToken(written, undefined));
          },
          judge: judgeRefusal({ status: row.status, codes: row.codes, filter: row.filter ?? filterFor(row) }),
        },
      ];
    },
  };
}

const filterFor = ({ codes }: PathRow): string => (codes[0]?.startsWith('net.') ? 'http' : 'authn');

function strangeAttack({ id, title, write }: (typeof strangeRows)[number]): Attack {
  return {
    id,
    title,
    protection: 'authn',
    severity: 'high',
    standards: ['CWE-22', 'CWE-180', 'OWASP API8:2023'],
    plan: (context) => {
      const [open] = context.survey.reads;
      if (open === undefined)
        return notApplicable('no operation behind authentication can be read', context.survey.faults.read);
      const subject = subjectFor(context, id);
      return [
        {
          place: nameOf(open.place),
          control: () => askRightfully(context, open, subject),
          controlFault: faultOfSuccess,
          attack: async () => {
            const request = withToken(await rightful(context, open, subject), undefined);
            return context.edge({ ...request, target: write(request.target) });
          },
          judge: (attack, control) => judgeNotServed(nameOfRoute(open), attack, control),
        },
      ];
    },
  };
}

/**
 * Refused, by whichever layer came first, and on record as refused. Where a public route took it for its own, the guarded
 * one was not reached.
 */
function judgeNotServed(guarded: string, attack: Observation, control: Observation): Judgement {
  const { status, record } = attack;
  if (isSuccess(attack) && bodyOf(attack) === bodyOf(control)) return gotThrough('the guarded answer was given');
  if (record?.verdict === 'allow' && record.route !== guarded)
    return stopped(`the public route ${record.route ?? ''} answered ${status}, not ${guarded}`);
  return judgeDenied(attack);
}

function judgeDenied(attack: Observation): Judgement {
  if (wasLetThrough(attack)) return gotThrough(`answered with ${attack.status}`);
  const { status, code, record } = attack;
  if (record?.verdict === 'deny' && status >= 400 && status < 500)
    return stopped(`${status} ${code ?? ''} by ${record.reason?.filter ?? 'the gateway'}`);
  return inconclusive(`answered ${status} without a record of a refusal`);
}

/** An internal operation must be refused; a public route that knows nothing of it may say so. */
function judgeInner(attack: Observation): Judgement {
  const { status, record } = attack;
  return record?.verdict === 'allow' && status === 404
    ? stopped(`the route ${record.route ?? ''} knows no such thing`)
    : judgeDenied(attack);
}

const nameOfRoute = ({ place: { route } }: OpenPlace): string => `${route.host ?? ''}${route.path}`;

/** Operations of the services that no route leads to. */
const internalAttack: Attack = {
  id: 'path.internal-operation',
  title: "a service's internal operation, directly and by a detour",
  protection: 'openapi.undeclared-operation',
  severity: 'high',
  standards: ['CWE-668', 'OWASP API9:2023'],
  plan: (context) => {
    const { places, reads } = context.survey;
    const [open] = reads;
    const reachable = new Set(places.map(({ template }) => template));
    const inner = [...context.target.apis.entries()].flatMap(([, { document }]) =>
      document.operations
        .filter(({ method, template }) => method === 'GET' && !template.includes('{') && !reachable.has(template))
        .map(({ template }) => template),
    );
    const [template] = inner;
    if (template === undefined) return notApplicable('every operation has a route');
    if (open === undefined)
      return notApplicable('no operation behind authentication can be read', context.survey.faults.read);
    const subject = subjectFor(context, 'path.internal-operation');
    return [template, `${open.place.template}/..%2f..${template}`, `${open.place.template}/../../..${template}`].map(
      (target) => ({
        place: `GET ${target}`,
        control: () => askRightfully(context, open, subject),
        controlFault: faultOfSuccess,
        attack: async () => context.edge({ ...(await rightful(context, open, subject)), target }),
        judge: judgeInner,
      }),
    );
  },
};

export const pathAttacks: readonly Attack[] = [
  ...rows.map(pathAttack),
  ...strangeRows.map(strangeAttack),
  internalAttack,
];
