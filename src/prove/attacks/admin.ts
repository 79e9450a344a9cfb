import type { Protection } from '../../api/protections.ts';
import {
  type Attack,
  gotThrough,
  inconclusive,
  type Judgement,
  notApplicable,
  type Probe,
  type Severity,
  stopped,
} from '../attack.ts';
import type { ProveContext } from '../context.ts';
import { faultOfSuccess, judgeRefusal, type Refusal } from '../probes.ts';
import { personA } from '../survey.ts';
import type { Observation } from '../wire/observation.ts';
import { formatRequest, type RequestText } from '../wire/request.ts';
import { judgeUnreachable } from './mesh.ts';

const status: RequestText = { method: 'GET', target: '/admin/status', headers: [] };
const newUser: RequestText = {
  method: 'POST',
  target: '/admin/users',
  headers: [['content-type', 'application/json']],
  // A name that the API would not take: even if it got through, nobody would be created.
  body: JSON.stringify({ name: 'merlon prove', roles: [] }),
};

/** One request to the admin API. Its answers hold secrets and users: only the status is shown. */
async function ask(context: ProveContext, request: RequestText, host?: string): Promise<Observation> {
  const { port } = context.target.control;
  const seen = await context.send(context.controlRoute, formatRequest(request, host ?? `localhost:${port}`), {
    responses: 1,
  });
  return seen.status < 300 ? { ...seen, received: `HTTP/1.1 ${seen.status} (body not shown)` } : seen;
}

function as(request: RequestText, token: string, ...more: RequestText['headers']): RequestText {
  return { ...request, headers: [...request.headers, ['authorization', `Bearer ${token}`], ...more] };
}

interface AdminRow {
  readonly id: string;
  readonly title: string;
  readonly protection: Protection;
  readonly severity?: Severity;
  readonly standards: readonly string[];
  readonly expected: Refusal;
  /** Only where the embedded issuer makes tokens. */
  readonly needsToken?: boolean;
  readonly attack: (context: ProveContext, adminToken: string) => Promise<Observation>;
}

const refusal = (status: number, code: string): Refusal => ({ status, codes: [code], filter: 'admin' });
const unauthenticated = refusal(401, 'admin.unauthenticated');
const otherOrigin = refusal(403, 'admin.origin');
const otherHost = refusal(421, 'admin.host');

const rows: readonly AdminRow[] = [
  {
    id: 'admin.no-token',
    title: 'the admin API without a token',
    protection: 'admin.authentication',
    severity: 'critical',
    standards: ['CWE-306', 'OWASP API5:2023'],
    expected: unauthenticated,
    attack: (context) => ask(context, status),
  },
  {
    id: 'admin.write-without-token',
    title: 'adding a user without a token',
    protection: 'admin.authentication',
    severity: 'critical',
    standards: ['CWE-306', 'OWASP API5:2023'],
    expected: unauthenticated,
    attack: (context) => ask(context, newUser),
  },
  {
    id: 'admin.wrong-token',
    title: 'the admin API with a token that was guessed',
    protection: 'admin.authentication',
    severity: 'critical',
    standards: ['CWE-287', 'OWASP API2:2023'],
    expected: unauthenticated,
    attack: (context, token) => ask(context, as(status, `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`)),
  },
  {
    id: 'admin.user-token',
    title: "the admin API with a user's access token that has every role",
    protection: 'admin.authentication',
    severity: 'critical',
    standards: ['CWE-269', 'OWASP API5:2023'],
    expected: unauthenticated,
    needsToken: true,
    attack: async (context) => {
      const roles = [...Object.keys(context.target.manifest.roles), 'admin'];
      return ask(context, as(status, await context.token({ subject: personA, roles, scopes: ['admin'] })));
    },
  },
  {
    id: 'admin.query-token',
    title: 'the admin token in the query',
    protection: 'admin.authentication',
    standards: ['CWE-598'],
    severity: 'medium',
    expected: unauthenticated,
    attack: async (context, token) => {
      const seen = await ask(context, { ...status, target: `${status.target}?token=${token}` });
      return { ...seen, sent: seen.sent.replaceAll(token, '***') };
    },
  },
  {
    id: 'admin.cross-origin',
    title: 'a page of another origin with the right token (`Origin`)',
    protection: 'admin.origin',
    standards: ['CWE-352', 'CWE-346'],
    expected: otherOrigin,
    attack: (context, token) => ask(context, as(status, token, ['origin', 'https://attacker.invalid'])),
  },
  {
    id: 'admin.cross-site',
    title: 'a request that the browser marks as of another site (`Sec-Fetch-Site`)',
    protection: 'admin.origin',
    standards: ['CWE-352', 'CWE-346'],
    expected: otherOrigin,
    attack: (context, token) => ask(context, as(status, token, ['sec-fetch-site', 'cross-site'])),
  },
  {
    id: 'admin.null-origin',
    title: 'a page without an origin (`Origin: null`), as a sandboxed frame has it',
    protection: 'admin.origin',
    standards: ['CWE-352', 'CWE-346'],
    expected: otherOrigin,
    attack: (context, token) => ask(context, as(status, token, ['origin', 'null'])),
  },
  {
    id: 'admin.rebinding',
    title: 'a host name that was rebound to this machine (`Host`), with the right token',
    protection: 'admin.host',
    standards: ['CWE-350', 'CWE-346'],
    expected: otherHost,
    attack: (context, token) => ask(context, as(status, token), `attacker.invalid:${context.target.control.port}`),
  },
  {
    id: 'admin.other-port',
    title: 'the right host name with another port',
    protection: 'admin.host',
    severity: 'low',
    standards: ['CWE-350'],
    expected: otherHost,
    attack: (context, token) => ask(context, as(status, token), 'localhost:1'),
  },
];

function adminAttack({ attack, expected, ...row }: AdminRow): Attack {
  return {
    ...row,
    severity: row.severity ?? 'high',
    plan: (context) =>
      row.needsToken === true && !context.target.manifest.issuers.includes('embedded')
        ? notApplicable('the embedded issuer is not in use')
        : [adminProbe(context, () => attack(context, context.target.control.adminToken), expected)],
  };
}

function adminProbe(context: ProveContext, attack: Probe['attack'], expected: Refusal): Probe {
  return {
    place: 'the admin API',
    control: () => ask(context, as(status, context.target.control.adminToken)),
    controlFault: faultOfSuccess,
    attack,
    judge: judgeRefusal(expected),
  };
}

const throughGateway: Attack = {
  id: 'admin.through-gateway',
  title: 'the admin API through the public port',
  severity: 'critical',
  standards: ['CWE-668', 'OWASP API9:2023'],
  plan: (context) => {
    const request = as(status, context.target.control.adminToken);
    return [{ ...adminProbe(context, () => context.edge(request), otherHost), judge: judgeNotAdmin }];
  },
};

/** Whoever answers there, it must not be the admin API. */
function judgeNotAdmin({ status, transcript, code, record }: Observation): Judgement {
  const body = transcript?.responses[0]?.body ?? '';
  if (status < 300 && body.includes('"snapshot"') && body.includes('"roles"'))
    return gotThrough('the admin API answered');
  if (status === 0) return inconclusive('no response came');
  const by = record?.verdict === 'allow' ? `the service ${record.service ?? ''}` : (code ?? 'the gateway');
  return stopped(`answered with ${status} by ${by}, not by the admin API`);
}

const fromOutside: Attack = {
  id: 'admin.from-outside',
  title: "the admin port, reached from another machine's side",
  severity: 'high',
  standards: ['CWE-668'],
  plan: (context) => {
    const [address] = context.target.externalAddresses;
    if (address === undefined) return notApplicable('this machine has no address that others could reach');
    const route = { ...context.controlRoute, host: address };
    return [
      {
        ...adminProbe(
          context,
          () => context.send(route, formatRequest(status, address), { responses: 1 }),
          unauthenticated,
        ),
        place: `${address}:${route.port}`,
        judge: judgeUnreachable,
      },
    ];
  },
};

export const adminAttacks: readonly Attack[] = [...rows.map(adminAttack), throughGateway, fromOutside];
