import type { WrittenRate } from '../../manifest/index.ts';
import {
  type Attack,
  gotThrough,
  inconclusive,
  type Judgement,
  notApplicable,
  type Probe,
  stopped,
} from '../attack.ts';
import type { ProveContext } from '../context.ts';
import { nameOf } from '../places.ts';
import { askRightfully, faultOfSuccess, judgeRefusal, withToken } from '../probes.ts';
import { canBeSomebodyElse, type OpenPlace, rightful } from '../survey.ts';
import type { Route } from '../wire/exchange.ts';
import type { Observation } from '../wire/observation.ts';
import { formatRequest, type RequestText, withFields } from '../wire/request.ts';
import { fieldOf } from '../wire/response.ts';

/** Limits above this are not used up. */
const largestCount = 400;

/** What a series is sent to. */
interface Series {
  readonly request: RequestText;
  readonly rate: WrittenRate;
  readonly route: Route;
}

/**
 * Sends requests on one connection until one is refused, and gives that refusal; or the last answer, where the
 * limit and as much again as flows back meanwhile did not suffice.
 */
async function exhaust(context: ProveContext, { request, rate, route }: Series): Promise<Observation> {
  const perBatch = Math.min(100, rate.count + 1);
  let last: Observation | undefined;
  for (let sent = 0; sent < 2 * rate.count + 20; sent += perBatch) {
    last = await sendBatch(context, request, perBatch, route);
    if (last.status !== 200) return last;
  }
  return last as Observation;
}

/** Sends `count` times the same request; the observation is of the first refusal, or of the last answer. */
async function sendBatch(
  context: ProveContext,
  request: RequestText,
  count: number,
  route: Route,
): Promise<Observation> {
  const { authority } = context.target.edge;
  const single = formatRequest(withFields(request, ['connection', 'keep-alive']), authority);
  const bytes = Buffer.concat(Array.from({ length: count }, () => single));
  return context.edgeSeries(bytes, single, { route, responses: count, timeoutMs: 20_000 });
}

const expected = { status: 429, codes: ['limits.exceeded'], filter: 'limits' } as const;

function judgeLimit(attack: Observation): Judgement {
  const judged = judgeRefusal(expected)(attack);
  if (judged.verdict === 'got-through') return gotThrough('twice as many requests as the limit allows were answered');
  if (judged.verdict !== 'stopped') return judged;
  const refusal = attack.transcript?.responses.find(({ status }) => status === 429);
  const missing = ['retry-after', 'ratelimit', 'ratelimit-policy'].filter(
    (name) => fieldOf(refusal, name) === undefined,
  );
  return missing.length === 0
    ? stopped(`${judged.because}, to be tried again after ${fieldOf(refusal, 'retry-after')} s`)
    : inconclusive(`refused, but without ${missing.join(', ')}`);
}

interface Limited {
  readonly open: OpenPlace;
  readonly rate: WrittenRate;
}

/** The route with the smallest limit per user. */
function smallestPerUser({ survey }: ProveContext): Limited | undefined {
  return survey.reads
    .flatMap((open): Limited[] => {
      const rate = open.place.route.limits.perUser;
      return rate === undefined || rate.count > largestCount ? [] : [{ open, rate }];
    })
    .sort((a, b) => a.rate.count - b.rate.count)[0];
}

type Disguise = (context: ProveContext, request: RequestText, open: OpenPlace, subject: string) => Promise<RequestText>;

function limitAttack(facts: Pick<Attack, 'id' | 'title'>, disguise?: Disguise): Attack {
  return {
    ...facts,
    protection: 'limits',
    severity: 'medium',
    standards: ['CWE-770', 'CWE-799', 'OWASP API4:2023'],
    plan: (context) => {
      const limited = smallestPerUser(context);
      return limited === undefined
        ? notApplicable(
            `no route that can be read has a limit per user of at most ${largestCount}`,
            context.survey.faults.read,
          )
        : [limitProbe(context, limited, facts.id, disguise)];
    },
  };
}

/** A few more than one: within one of them the limit may just have let the next request in. */
const disguisedTries = 4;

function limitProbe(context: ProveContext, { open, rate }: Limited, id: string, disguise?: Disguise): Probe {
  const subject = `merlon-prove-${id}.${context.run}`;
  const route = context.edgeRoute;
  return {
    place: `${nameOf(open.place)} (${rate.text} per user)`,
    // Another caller of the same route: the limit is the caller's own, and what is refused is not the route.
    control: () => askRightfully(context, open, `${subject}.other`),
    controlFault: faultOfSuccess,
    attack: async () => {
      const request = await rightful(context, open, subject);
      const refused = await exhaust(context, { request, rate, route });
      if (disguise === undefined) return refused;
      return sendBatch(context, await disguise(context, request, open, subject), disguisedTries, route);
    },
    judge: judgeLimit,
  };
}

/** A loopback address of the probe's own, so that nobody else is kept out. */
const ownAddress = '127.66.0.66';

const perAddress: Attack = {
  id: 'limit.per-address',
  title: 'more requests from one address than it may send',
  protection: 'limits',
  severity: 'medium',
  standards: ['CWE-770', 'CWE-799', 'OWASP API4:2023'],
  plan: (context) => {
    const { survey, target, edgeRoute } = context;
    const request = survey.publicRead;
    const rate = request === undefined ? undefined : smallestPerAddress(context, request);
    if (request === undefined || rate === undefined)
      return notApplicable(
        `no public operation has a limit per address of at most ${largestCount}`,
        context.survey.faults.plain,
      );
    if (!canBeSomebodyElse(target))
      return notApplicable('a probe cannot call from an address of its own here, and must not use up that of others');
    return [
      {
        place: `GET ${request.target} (${rate.text} per address)`,
        control: () => context.edge(request),
        controlFault: faultOfSuccess,
        attack: () => exhaust(context, { request, rate, route: { ...edgeRoute, from: ownAddress } }),
        judge: judgeLimit,
      },
    ];
  },
};

function smallestPerAddress({ target: { manifest } }: ProveContext, request: RequestText): WrittenRate | undefined {
  const path = request.target.split('?')[0];
  const limits = [
    manifest.gateway.limits.perIp,
    ...manifest.routes.filter((route) => route.path === path).map(({ limits }) => limits.perIp),
  ];
  return limits
    .filter((rate): rate is WrittenRate => rate !== undefined && rate.count <= largestCount)
    .sort((a, b) => a.count - b.count)[0];
}

export const limitAttacks: readonly Attack[] = [
  limitAttack({ id: 'limit.per-user', title: 'more requests than one user may send' }),
  limitAttack(
    { id: 'limit.new-token', title: 'over the limit, with a fresh token of the same user' },
    async (context, request, { roles, scopes }, subject) =>
      withToken(request, await context.token({ subject, roles, scopes }, { claims: { jti: `again-${context.run}` } })),
  ),
  limitAttack(
    { id: 'limit.other-address', title: 'over the limit, with another address claimed (`X-Forwarded-For`)' },
    async (_, request) => withFields(request, ['x-forwarded-for', '203.0.113.77'], ['x-real-ip', '203.0.113.77']),
  ),
  perAddress,
];
