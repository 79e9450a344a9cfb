import type { Protection } from '../../api/protections.ts';
import { type Attack, notApplicable, type Probe, type Severity } from '../attack.ts';
import type { ProveContext } from '../context.ts';
import { nameOf, requestTo } from '../places.ts';
import type { Mutation } from '../ports.ts';
import { askRightfully, faultOfSuccess, judgeRefusal, subjectFor, withToken } from '../probes.ts';
import { type OpenPlace, rightful } from '../survey.ts';
import { type RequestText, withFields } from '../wire/request.ts';

interface InputRow {
  readonly id: string;
  readonly title: string;
  readonly protection: Protection;
  readonly severity?: Severity;
  readonly standards: readonly string[];
  /** The document's own variants that are refused with one of these codes. */
  readonly codes: readonly string[];
  /** Only those whose label says so. */
  readonly label?: RegExp;
  readonly on: 'write' | 'read';
}

const mass = ['CWE-915', 'OWASP API3:2023'];
const validation = ['CWE-20', 'OWASP API8:2023'];

/** What the OpenAPI document does not declare. Each is the document's valid request, wrong in one way. */
const rows: readonly InputRow[] = [
  {
    id: 'input.unknown-field',
    title: 'a body field that nobody declared (mass assignment)',
    protection: 'openapi.unknown-fields',
    severity: 'high',
    standards: mass,
    codes: ['openapi.unknown-field'],
    on: 'write',
  },
  {
    id: 'input.wrong-type',
    title: 'a body field of another type',
    protection: 'openapi.body',
    standards: validation,
    codes: ['openapi.wrong-type'],
    label: /^body/,
    on: 'write',
  },
  {
    id: 'input.missing-field',
    title: 'a body without a field that is required',
    protection: 'openapi.body',
    standards: validation,
    codes: ['openapi.missing-field'],
    on: 'write',
  },
  {
    id: 'input.too-long',
    title: 'a text longer than declared',
    protection: 'openapi.body',
    standards: ['CWE-1284', ...validation],
    codes: ['openapi.too-long'],
    label: /^body/,
    on: 'write',
  },
  {
    id: 'input.missing-body',
    title: 'no body where one is required',
    protection: 'openapi.body',
    severity: 'low',
    standards: validation,
    codes: ['openapi.missing-body'],
    on: 'write',
  },
  {
    id: 'input.media-type',
    title: 'a body of another media type than declared',
    protection: 'openapi.body',
    standards: ['CWE-436', ...validation],
    codes: ['openapi.media-type'],
    on: 'write',
  },
  {
    id: 'input.malformed',
    title: 'a body that is not JSON',
    protection: 'openapi.body',
    standards: validation,
    codes: ['openapi.malformed-body'],
    on: 'write',
  },
  {
    id: 'input.unknown-parameter',
    title: 'a query parameter that nobody declared',
    protection: 'openapi.parameters',
    standards: ['CWE-235', ...validation],
    codes: ['openapi.unknown-parameter'],
    on: 'read',
  },
  {
    id: 'input.unexpected-body',
    title: 'a body on an operation that takes none',
    protection: 'openapi.body',
    severity: 'low',
    standards: validation,
    codes: ['openapi.unexpected-body'],
    on: 'read',
  },
];

interface RawRow {
  readonly id: string;
  readonly title: string;
  readonly protection: Protection;
  readonly standards: readonly string[];
  readonly codes: readonly string[];
  /** The JSON body, changed as text. */
  readonly body: (text: string) => string;
}

const inside = (text: string, more: string): string => text.replace(/\}\s*$/, `,${more}}`);

const rawRows: readonly RawRow[] = [
  {
    id: 'input.duplicate-key',
    title: 'one JSON key twice, with different values',
    protection: 'openapi.body',
    standards: ['CWE-436', ...validation],
    codes: ['openapi.duplicate-key'],
    body: (text) => inside(text, `${/"[^"]+"\s*:/.exec(text)?.[0] ?? '"a":'} null`),
  },
  {
    id: 'input.prototype',
    title: 'a field `__proto__` (prototype pollution)',
    protection: 'openapi.unknown-fields',
    standards: ['CWE-1321', ...validation],
    codes: ['openapi.unknown-field', 'openapi.malformed-body'],
    body: (text) => inside(text, '"__proto__": {"admin": true}'),
  },
  {
    id: 'input.deep',
    title: 'JSON nested 500 levels deep',
    protection: 'openapi.body',
    standards: ['CWE-674', 'OWASP API4:2023'],
    codes: ['openapi.too-deep', 'openapi.body-too-large'],
    body: (text) => inside(text, `"a": ${'['.repeat(500)}${']'.repeat(500)}`),
  },
  {
    id: 'input.not-utf-8',
    title: 'text that is not UTF-8',
    protection: 'openapi.body',
    standards: ['CWE-176', ...validation],
    codes: ['openapi.malformed-body'],
    body: (text) => text,
  },
];

function inputAttack(row: InputRow): Attack {
  const { id, title, protection, severity = 'medium', standards, on } = row;
  return {
    id,
    title,
    protection,
    severity,
    standards,
    plan: (context) => {
      const places = (
        on === 'write'
          ? [context.survey.write]
          : context.survey.reads.filter(({ place }) => place.api !== undefined).slice(0, 2)
      ).filter((open): open is OpenPlace => open !== undefined && isChecked(open));
      const probes = places.flatMap((open) => {
        const mutation = firstMutation(open, row);
        return mutation === undefined ? [] : [mutationProbe(context, row, open, mutation)];
      });
      return probes.length === 0
        ? notApplicable(
            'no document of a service that a probe may call leaves room for it',
            context.survey.faults[on === 'write' ? 'write' : 'read'],
          )
        : probes;
    },
  };
}

function isChecked({ place: { route } }: OpenPlace): boolean {
  return route.validate.requests === 'block' && route.validate.unknownFields === 'refuse';
}

function firstMutation({ place }: OpenPlace, { codes, label }: InputRow): Mutation | undefined {
  const { api, operation } = place;
  if (api === undefined || operation === undefined) return undefined;
  return api
    .mutations(operation)
    .find((each) => codes.includes(each.expected) && (label === undefined || label.test(each.label)));
}

function mutationProbe(context: ProveContext, { id, codes }: InputRow, open: OpenPlace, mutation: Mutation): Probe {
  const subject = subjectFor(context, id);
  return {
    place: `${nameOf(open.place)}, ${mutation.label}`,
    control: () => askRightfully(context, open, subject),
    controlFault: faultOfSuccess,
    attack: async () => {
      const token = await context.token({ subject, roles: open.roles, scopes: open.scopes });
      return context.edge(withToken(requestTo(open.place, subject, mutation.request), token));
    },
    judge: judgeRefusal({ status: [400, 415], codes, filter: 'openapi' }),
  };
}

function rawAttack({ id, title, protection, standards, codes, body }: RawRow): Attack {
  return {
    id,
    title,
    protection,
    severity: 'medium',
    standards,
    plan: (context) => {
      const { write } = context.survey;
      if (write === undefined || !isChecked(write))
        return notApplicable('no operation that a probe may try takes a JSON body', context.survey.faults.write);
      const subject = subjectFor(context, id);
      return [
        {
          place: nameOf(write.place),
          control: () => askRightfully(context, write, subject),
          controlFault: faultOfSuccess,
          attack: async () => {
            const request = await rightful(context, write, subject);
            return id === 'input.not-utf-8'
              ? sendBroken(context, request)
              : context.edge({ ...request, body: body(String(request.body ?? '{}')) });
          },
          judge: judgeRefusal({ status: [400, 413], codes, filter: 'openapi' }),
        },
      ];
    },
  };
}

/** The body with its first letter within a text replaced by a byte that UTF-8 does not know. */
function sendBroken(context: ProveContext, request: RequestText): ReturnType<ProveContext['edge']> {
  const bytes = Buffer.from(request.body ?? '{}');
  const at = bytes.lastIndexOf('"') - 1;
  bytes[at] = 0xff;
  const head = `${request.method} ${request.target} HTTP/1.1\r\nhost: ${context.target.edge.authority}\r\n${withFields(
    request,
    ['content-length', String(bytes.length)],
    ['connection', 'close'],
  )
    .headers.map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;
  return context.edgeBytes(Buffer.concat([Buffer.from(head), bytes]), { responses: 1 });
}

/** Operations and methods that the document does not name. */
const undeclared: readonly Attack[] = [
  {
    id: 'input.undeclared-operation',
    title: 'a path below a declared one that nobody declared (shadow API)',
    protection: 'openapi.undeclared-operation',
    severity: 'high',
    standards: ['CWE-1059', 'OWASP API9:2023'],
    plan: (context) =>
      undeclaredPlan(
        context,
        'input.undeclared-operation',
        (request) => ({ ...request, target: `${request.target}/merlon-prove/undeclared/operation` }),
        ['openapi.undeclared-operation'],
      ),
  },
  {
    id: 'input.undeclared-method',
    title: 'a method that nobody declared',
    protection: 'openapi.undeclared-operation',
    severity: 'high',
    standards: ['CWE-650', 'OWASP API5:2023'],
    plan: (context) =>
      undeclaredPlan(context, 'input.undeclared-method', (request) => ({ ...request, method: 'DELETE' }), [
        'openapi.undeclared-method',
        'gateway.method',
        'authz.denied',
      ]),
  },
];

function undeclaredPlan(
  context: ProveContext,
  id: string,
  change: (request: RequestText) => RequestText,
  codes: readonly string[],
): ReturnType<Attack['plan']> {
  const open = context.survey.reads.find(
    ({ place: { route, api, template } }) =>
      route.validate.undeclared === 'refuse' &&
      route.validate.requests === 'block' &&
      api !== undefined &&
      !api.document.operations.some(({ method, template: other }) => method === 'DELETE' && other === template),
  );
  if (open === undefined)
    return notApplicable('no route that can be read refuses what is not declared', context.survey.faults.read);
  const subject = subjectFor(context, id);
  return [
    {
      place: nameOf(open.place),
      control: () => askRightfully(context, open, subject),
      controlFault: faultOfSuccess,
      attack: async () => context.edge(change(await rightful(context, open, subject))),
      judge: judgeRefusal({ status: [403, 404, 405], codes, filter: filterOf(codes) }),
    },
  ];
}

const filterOf = (codes: readonly string[]): string => (codes.includes('gateway.method') ? 'normalise' : 'openapi');

export const inputAttacks: readonly Attack[] = [...rows.map(inputAttack), ...rawRows.map(rawAttack), ...undeclared];
