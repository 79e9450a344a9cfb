import type { ConnectionOptions } from 'node:tls';
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
import { personA } from '../survey.ts';
import type { Observation } from '../wire/observation.ts';
import { formatRequest, type RequestText } from '../wire/request.ts';

/** A service with a secret of its own, and a path that is not its own. */
interface Holder {
  readonly service: string;
  /** Another service's, where there is one; else nobody's. */
  readonly foreignPath: string;
  /** Below the mount: `payments`. */
  readonly path: string;
  readonly mount: string;
}

function holderOf({ target: { manifest } }: ProveContext): Holder | undefined {
  const services = Object.entries(manifest.services);
  for (const [service, { secrets }] of services) {
    const [reference] = Object.values(secrets);
    if (reference === undefined) continue;
    const { mount, path } = reference.path;
    const own = new Set(Object.values(secrets).map((each) => each.path.path));
    const foreignPath =
      services.flatMap(([, other]) => Object.values(other.secrets)).find((each) => !own.has(each.path.path))?.path
        .path ?? 'merlon-prove-elsewhere';
    return { service, foreignPath, mount, path };
  }
  return undefined;
}

/** One request to the secrets API. What it answers with success is secret: only the status is shown. */
async function ask(context: ProveContext, request: RequestText, tls: ConnectionOptions = {}): Promise<Observation> {
  const { port } = context.target.control;
  const route = { ...context.controlRoute, tls: { ...context.controlRoute.tls, ...tls } };
  const seen = await context.send(route, formatRequest(request, `localhost:${port}`), { responses: 1 });
  return seen.status >= 200 && seen.status < 300
    ? { ...seen, received: `HTTP/1.1 ${seen.status} (body not shown)` }
    : seen;
}

const get = (target: string, token: string | undefined): RequestText => ({
  method: 'GET',
  target,
  headers: token === undefined ? [] : [['x-vault-token', token]],
});

async function tokenOf(context: ProveContext, service: string): Promise<string> {
  return (await context.mint({ kind: 'secrets-token', service })).token ?? '';
}

const dataOf = ({ mount }: Holder, path: string): string => `/v1/${mount}/data/${path}`;

/** Refused with one of `statuses`, and with the error list of this API. */
function judgeErrors(statuses: readonly number[]): (attack: Observation) => Judgement {
  return ({ status, transcript, received }) => {
    if (status >= 200 && status < 300) return gotThrough(`answered with ${status}`);
    if (status === 0)
      return transcript?.closed === true ? stopped('the handshake was refused') : inconclusive(received);
    if (status === 404 && !statuses.includes(404))
      return gotThrough('let through to the store, which holds nothing there');
    if (!statuses.includes(status))
      return inconclusive(`refused with ${status}, where ${statuses.join(' or ')} was expected`);
    const body = transcript?.responses[0]?.body ?? '';
    return body.includes('"errors"')
      ? stopped(`refused with ${status}`)
      : inconclusive(`${status} without an error of this API`);
  };
}

interface SecretsRow {
  readonly id: string;
  readonly title: string;
  readonly protection?: Protection;
  readonly severity?: Severity;
  readonly standards: readonly string[];
  readonly statuses?: readonly number[];
  readonly attack: (context: ProveContext, holder: Holder) => Promise<Observation>;
}

const rows: readonly SecretsRow[] = [
  {
    id: 'secrets.no-token',
    title: "reading a service's secret without a token",
    protection: 'secrets.token',
    severity: 'critical',
    standards: ['CWE-306', 'CWE-522'],
    attack: (context, holder) => ask(context, get(dataOf(holder, holder.path), undefined)),
  },
  {
    id: 'secrets.guessed-token',
    title: 'reading it with a token that was guessed',
    protection: 'secrets.token',
    severity: 'critical',
    standards: ['CWE-287'],
    attack: (context, holder) => ask(context, get(dataOf(holder, holder.path), `hvs.${'A'.repeat(43)}`)),
  },
  {
    id: 'secrets.access-token',
    title: "reading it with a user's access token",
    protection: 'secrets.token',
    severity: 'high',
    standards: ['CWE-287', 'CWE-269'],
    attack: async (context, holder) => {
      const roles = Object.keys(context.target.manifest.roles);
      return ask(
        context,
        get(dataOf(holder, holder.path), await context.token({ subject: personA, roles, scopes: [] })),
      );
    },
  },
  {
    id: 'secrets.foreign-path',
    title: "reading a secret that is not its own, with a service's genuine token",
    protection: 'secrets.acl',
    severity: 'critical',
    standards: ['CWE-863', 'CWE-639'],
    attack: async (context, holder) =>
      ask(context, get(dataOf(holder, holder.foreignPath), await tokenOf(context, holder.service))),
  },
  {
    id: 'secrets.detour',
    title: 'the same by a path that begins at its own (`own/../other`)',
    protection: 'secrets.acl',
    standards: ['CWE-22', 'CWE-863'],
    statuses: [400, 403],
    attack: async (context, holder) =>
      ask(
        context,
        get(dataOf(holder, `${holder.path}/../${holder.foreignPath}`), await tokenOf(context, holder.service)),
      ),
  },
  {
    id: 'secrets.list',
    title: 'listing every secret with the token of one service',
    protection: 'secrets.acl',
    standards: ['CWE-863', 'CWE-200'],
    attack: async (context, holder) =>
      ask(context, { ...get(`/v1/${holder.mount}/metadata?list=true`, await tokenOf(context, holder.service)) }),
  },
  {
    id: 'secrets.write',
    title: 'writing to a path of nobody with the token of one service',
    protection: 'secrets.acl',
    standards: ['CWE-863'],
    attack: async (context, holder) => {
      const token = await tokenOf(context, holder.service);
      return ask(context, {
        method: 'POST',
        target: `/v1/${holder.mount}/data/merlon-prove`,
        headers: [
          ['x-vault-token', token],
          ['content-type', 'application/json'],
        ],
        body: '{"data":{"probe":"merlon-prove"}}',
      });
    },
  },
  {
    id: 'secrets.system',
    title: 'the system paths with the token of one service',
    protection: 'secrets.acl',
    standards: ['CWE-269'],
    statuses: [403, 404, 405],
    attack: async (context, holder) => ask(context, get('/v1/sys/raw/core', await tokenOf(context, holder.service))),
  },
  {
    id: 'secrets.login-without-svid',
    title: 'logging in without an SVID',
    severity: 'critical',
    standards: ['CWE-306'],
    statuses: [400, 401, 403],
    attack: (context) => ask(context, login),
  },
  {
    id: 'secrets.login-forged-svid',
    title: "logging in with an SVID from an authority of the attacker's",
    protection: 'mesh.trust-domain',
    severity: 'critical',
    standards: ['CWE-295'],
    statuses: [400, 401, 403],
    attack: (context, { service }) => {
      const id = `spiffe://${context.target.manifest.trustDomain}/service/${service}`;
      const { certificate, key } = context.target.forgeSvid(id);
      return ask(context, login, { cert: certificate, key });
    },
  },
  {
    id: 'secrets.login-expired-svid',
    title: 'logging in with an SVID after its end',
    protection: 'mesh.expiry',
    severity: 'high',
    standards: ['CWE-298'],
    statuses: [400, 401, 403],
    attack: async (context, { service }) => {
      const { certificate = '', key = '' } = await context.mint({ kind: 'svid', service, expired: true });
      return ask(context, login, { cert: certificate, key });
    },
  },
];

const login: RequestText = {
  method: 'POST',
  target: '/v1/auth/svid/login',
  headers: [['content-type', 'application/json']],
  body: '{}',
};

function faultOfRead({ status, received }: Observation): string | undefined {
  return status >= 200 && status < 300
    ? undefined
    : `the service itself was answered ${status === 0 ? received : status}`;
}

function secretsAttack({ attack, statuses = [403], ...row }: SecretsRow): Attack {
  return {
    ...row,
    severity: row.severity ?? 'high',
    plan: (context) => {
      const holder = holderOf(context);
      if (holder === undefined) return notApplicable('no service has a secret');
      if (row.id === 'secrets.access-token' && !context.target.manifest.issuers.includes('embedded'))
        return notApplicable('the embedded issuer is not in use');
      const isLogin = row.id.startsWith('secrets.login');
      const probe: Probe = {
        place: isLogin ? 'the secrets login' : `secret of ${holder.service}`,
        control: () => (isLogin ? rightfulLogin(context, holder) : rightfulRead(context, holder)),
        controlFault: faultOfRead,
        attack: () => attack(context, holder),
        judge: judgeErrors(statuses),
      };
      return [probe];
    },
  };
}

async function rightfulRead(context: ProveContext, holder: Holder): Promise<Observation> {
  return ask(context, get(dataOf(holder, holder.path), await tokenOf(context, holder.service)));
}

async function rightfulLogin(context: ProveContext, { service }: Holder): Promise<Observation> {
  const { certificate = '', key = '' } = await context.mint({ kind: 'svid', service, expired: false });
  return ask(context, login, { cert: certificate, key });
}

export const secretsAttacks: readonly Attack[] = rows.map(secretsAttack);
