import { type Attack, notApplicable } from '../attack.ts';
import type { ProveContext } from '../context.ts';
import type { Place } from '../places.ts';
import { edgeProbe, subjectFor } from '../probes.ts';
import { findCaller } from '../survey.ts';

interface GraphqlRow {
  readonly id: string;
  readonly title: string;
  readonly code: string;
  readonly standards: readonly string[];
  /** A body beyond `limits`. Undefined where they allow it. */
  readonly body: (limits: GraphqlRoute) => string | undefined;
  /** Stands in the URL instead, beside an innocent body: some servers prefer it. */
  readonly inUrl?: boolean;
}

type GraphqlRoute = NonNullable<Place['route']['graphql']>;

const consumption = ['CWE-770', 'OWASP API4:2023'];
const query = (text: string): string => JSON.stringify({ query: text });
// More than this is refused for its length first.
const mostRepeated = 400;

function repeated(times: number, make: (times: number) => string): string | undefined {
  return times > mostRepeated ? undefined : make(times);
}

/** What a GraphQL endpoint must not take, each made just larger than the manifest allows. */
const rows: readonly GraphqlRow[] = [
  {
    id: 'graphql.introspection',
    title: 'a question for the whole schema (introspection)',
    code: 'openapi.graphql-introspection',
    standards: ['CWE-200', 'OWASP API8:2023'],
    body: ({ introspection }) => (introspection ? undefined : query('{ __schema { types { name } } }')),
  },
  {
    id: 'graphql.depth',
    title: 'a query nested deeper than allowed',
    code: 'openapi.graphql-depth',
    standards: ['CWE-674', ...consumption],
    body: ({ depth }) => repeated(depth + 1, (times) => query(`${'{ a '.repeat(times)}${'}'.repeat(times)}`)),
  },
  {
    id: 'graphql.aliases',
    title: 'one field under many names in one request (guessing in bulk)',
    code: 'openapi.graphql-aliases',
    standards: ['CWE-799', 'CWE-307', ...consumption],
    body: ({ aliases }) =>
      repeated(aliases + 1, (times) =>
        query(`{ ${Array.from({ length: times }, (_, at) => `a${at}: __typename`).join(' ')} }`),
      ),
  },
  {
    id: 'graphql.cost',
    title: 'pages of pages of pages (a query that costs more than allowed)',
    code: 'openapi.graphql-cost',
    standards: consumption,
    body: ({ cost }) => query(`{ a(first: ${cost}) { b(first: ${cost}) { c } } }`),
  },
  {
    id: 'graphql.batch',
    title: 'many operations in one request (batching)',
    code: 'openapi.graphql-batch',
    standards: ['CWE-799', ...consumption],
    body: ({ batch }) => JSON.stringify(Array.from({ length: batch + 1 }, () => ({ query: '{ __typename }' }))),
  },
  {
    id: 'graphql.query-in-url',
    title: 'a query nested deeper than allowed in the URL, beside an innocent one in the body',
    code: 'openapi.graphql-malformed',
    standards: ['CWE-436', 'CWE-444', ...consumption],
    body: ({ depth }) => repeated(depth + 1, (times) => `${'{ a '.repeat(times)}${'}'.repeat(times)}`),
    inUrl: true,
  },
];

/** The endpoint as a place: an innocent question to it is always allowed. */
function endpoints({ target }: ProveContext): Place[] {
  return target.manifest.routes.flatMap((route, index): Place[] => {
    if (route.graphql === undefined) return [];
    const path = route.stripPrefix && route.path !== '/' ? '' : route.path;
    const headers = { 'content-type': 'application/json' };
    const sample = { method: 'POST', path, query: '', headers, body: query('{ __typename }') };
    return [{ route, index, method: 'POST', template: route.path, operation: undefined, api: undefined, sample }];
  });
}

function graphqlAttack({ id, title, code, standards, body, inUrl = false }: GraphqlRow): Attack {
  return {
    id,
    title,
    protection: 'graphql.bounds',
    severity: 'high',
    standards,
    plan: (context) => {
      const places = endpoints(context);
      if (places.length === 0) return notApplicable('the manifest declares no GraphQL endpoint');
      const probes = places.flatMap((place) => {
        const [open] = findCaller(place, context.target);
        const attack = body(place.route.graphql as GraphqlRoute);
        if (open === undefined || attack === undefined) return [];
        return [
          edgeProbe(context, {
            open,
            subject: subjectFor(context, id),
            attack: (request) =>
              inUrl
                ? { ...request, target: `${request.target}?query=${encodeURIComponent(attack)}` }
                : { ...request, body: attack },
            expected: { status: 400, codes: [code], filter: 'graphql' },
          }),
        ];
      });
      return probes.length === 0 ? notApplicable('no GraphQL endpoint has a bound of this kind') : probes;
    },
  };
}

export const graphqlAttacks: readonly Attack[] = rows.map(graphqlAttack);
