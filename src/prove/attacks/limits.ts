import type { WrittenRate } from '../../manifest/index.ts';
import {
  type Attack,
  inconclusive,
  type Judgement,
  notApplicable,
  type Observation,
  type Probe,
  stopped,
} from '../attack.ts';
import type { ProveContext } from '../context.ts';
import { nameOf } from '../places.ts';
import { faultOfSuccess, judgeRefusal, withToken } from '../probes.ts';
import { type OpenPlace, rightful } from '../survey.ts';
import { formatRequest, type RequestText, withFields } from '../wire/request.ts';
import { fieldOf } from '../wire/response.ts';

/** More requests than this are not sent to find a limit. */
const longestSeries = 400;

interface Limited {
  readonly open: OpenPlace;
  readonly rate: WrittenRate;
}

/** The route with the smallest limit per user. */
function smallestPerUser({ survey }: ProveContext): Limited | undefined {
  return survey.reads
    .flatMap((open): Limited[] => {
      const rate = open.place.route.limits.perUser;
      return rate === undefined || rate.count > longestSeries ? [] : [{ open, rate }];
    })
    .sort((a, b) => a.rate.count - b.rate.count)[0];
}

/** Sends one request more than the limit allows, on few connections; what comes then is the attack. */
async function useUp(context: ProveContext, request: RequestText, count: number, from?: string): Promise<void> {
  const keepAlive = withFields(request, ['connection', 'keep-alive']);
  const bytes = formatRequest(keepAlive, context.target.edge.authority);
  const route = from === undefined ? context.edgeRoute : { ...context.edgeRoute, from };
  await context.edgeBytes(Buffer.concat(Array.from({ length: count }, () => bytes)), {
    route,
    responses: count,
    timeoutMs: 20_000,
  });
}

const expected = { status: 429, codes: ['limits.exceeded'], filter: 'limits' } as const;

function judgeLimit(attack: Observation): Judgement {
  const judged = judgeRefusal(expected)(attack);
  if (judged.verdict !== 'stopped') return judged;
  const [response] = attack.transcript?.responses ?? [];
  const missing = ['retry-after', 'ratelimit', 'ratelimit-policy'].filter(
    (name) => fieldOf(response, name) === undefined,
  );
  return missing.length === 0
    ? stopped(`${judged.because}, to be tried again after ${fieldOf(response, 'retry-after')} s`)
    : inconclusive(`refused, but without ${missing.join(', ')}`);
}

function limitAttack(
  facts: Pick<Attack, 'id' | 'title'>,
  last: (context: ProveContext, request: RequestText, open: OpenPlace, subject: string) => Promise<RequestText>,
): Attack {
  return {
    ...facts,
    protection: 'limits',
    severity: 'medium',
    standards: ['CWE-770', 'CWE-799', 'OWASP API4:2023'],
    plan: (context) => {
      const limited = smallestPerUser(context);
      if (limited === undefined)
        return notApplicable(`no route that can be read has a limit per user of at most ${longestSeries}`);
      return [limitProbe(context, limited, facts.id, last)];
    },
  };
}

function limitProbe(
  context: ProveContext,
  { open, rate }: Limited,
  id: string,
  last: (context: ProveContext, request: RequestText, open: OpenPlace, subject: string) => Promise<RequestText>,
): Probe {
  const subject = `merlon-prove-${id}.${context.run}`;
  const other = `${subject}.other`;
  return {
    place: `${nameOf(open.place)} (${rate.text} per user)`,
    // Another caller, asked while the first is over the limit: the limit is the caller's own.
    control: async () => context.edge(await rightful(context, open, other)),
    controlFault: faultOfSuccess,
    attack: async () => {
      const request = await rightful(context, open, subject);
      await useUp(context, request, rate.count + 2);
      return context.edge(await last(context, request, open, subject));
    },
    judge: judgeLimit,
  };
}

const perAddress: Attack = {
  id: 'limit.per-address',
  title: 'more requests from one address than it may send',
  protection: 'limits',
  severity: 'medium',
  standards: ['CWE-770', 'CWE-799', 'OWASP API4:2023'],
  plan: (context) => {
    const { publicRead } = context.survey;
    const { edge, manifest } = context.target;
    const limits = manifest.routes
      .filter(({ path }) => publicRead !== undefined && path === publicRead.target.split('?')[0])
      .flatMap(({ limits }) => (limits.perIp === undefined ? [] : [limits.perIp]));
    const rate = [
      ...limits,
      ...(manifest.gateway.limits.perIp === undefined ? [] : [manifest.gateway.limits.perIp]),
    ].sort((a, b) => a.count - b.count)[0];
    const request = publicRead;
    if (rate === undefined || request === undefined || rate.count > longestSeries)
      return notApplicable(`no public operation has a limit per address of at most ${longestSeries}`);
    if (!edge.host.startsWith('127.'))
      return notApplicable('the address of this machine must not be used up for others');
    // A loopback address of the probe's own, so that nobody else is kept out.
    const from = '127.66.0.66';
    return [
      {
        place: `GET ${request.target} (${rate.text} per address)`,
        control: () => context.edge(request),
        controlFault: faultOfSuccess,
        attack: async () => {
          await useUp(context, request, rate.count + 2, from);
          return context.edgeBytes(formatRequest(request, edge.authority), {
            route: { ...context.edgeRoute, from },
            responses: 1,
          });
        },
        judge: judgeLimit,
      },
    ];
  },
};

export const limitAttacks: readonly Attack[] = [
  limitAttack({ id: 'limit.per-user', title: 'more requests than one user may send' }, async (_, request) => request),
  limitAttack(
    { id: 'limit.new-token', title: 'over the limit, with a fresh token of the same user' },
    async (context, request, open, subject) =>
      withToken(
        request,
        await context.token(
          { subject, roles: open.roles, scopes: open.scopes },
          { claims: { jti: `again-${context.run}` } },
        ),
      ),
  ),
  limitAttack(
    { id: 'limit.other-address', title: 'over the limit, with another address claimed (`X-Forwarded-For`)' },
    async (_, request) => withFields(request, ['x-forwarded-for', '203.0.113.77'], ['x-real-ip', '203.0.113.77']),
  ),
  perAddress,
];
